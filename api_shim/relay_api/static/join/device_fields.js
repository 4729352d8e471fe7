import { troubleText } from "./texts.js";

const KINDS = { camera: "videoinput", microphone: "audioinput" };
const NAMES = { camera: "Camera", microphone: "Microphone" };

/**
 * Keep a pair of selects in step with the machine's devices.
 *
 * @param {import("../client/index.js").LocalMedia} media
 * @param {{camera: HTMLSelectElement, microphone: HTMLSelectElement}} selects
 * @param {{camera?: HTMLElement, microphone?: HTMLElement}} [hints] where to say what is wrong
 * @returns {() => Promise<void>} fills them again
 */
export function bindDeviceFields(media, selects, hints = {}) {
  const fill = async () => {
    for (const [source, select] of Object.entries(selects)) {
      const devices = await media.list(KINDS[source]);
      const options = devices.map(({ deviceId, label }, index) => {
        return new Option(label || `${NAMES[source]} ${index + 1}`, deviceId);
      });
      if (options.length === 0) options.push(new Option(`No ${source} available`, ""));
      select.replaceChildren(...options);
      select.disabled = devices.length === 0;
      if (devices.some(({ deviceId }) => deviceId === media[source].deviceId)) {
        select.value = media[source].deviceId;
      }
      if (hints[source]) hints[source].textContent = troubleText(media[source].trouble, source);
    }
  };
  for (const [source, select] of Object.entries(selects)) {
    select.addEventListener("change", () => media.choose(source, select.value));
  }
  media.on("devices", fill);
  media.on("change", fill);
  return fill;
}

/**
 * Show a device's button as on or off, in picture, word and to assistive technology.
 *
 * @param {HTMLButtonElement} button
 * @param {{source: string, on: boolean}} device
 * @param {{on: string, off: string}} words what a press will do
 */
export function showDeviceButton(button, { source, on }, words) {
  button.toggleAttribute("data-off", !on);
  const use = button.querySelector("use");
  use.setAttribute("href", `../static/join/icons.svg#${source}${on ? "" : "-off"}`);
  button.querySelector("span").textContent = on ? words.on : words.off;
}
