import { bindDeviceFields, showDeviceButton } from "./device_fields.js";
import { Meter } from "./meter.js";
import { troubleText } from "./texts.js";

const NAME_KEY = "relay.name";

/**
 * Before the call: who you are, how you look and sound.
 *
 * @param {object} options
 * @param {import("../client/index.js").LocalMedia} options.media
 * @param {{name: string, role: string, invite: boolean}} options.invitation
 * @returns {Promise<{name: string}>} resolves when the person presses Join
 */
export async function showLobby({ media, invitation }) {
  const view = document.getElementById("lobby");
  view.dataset.role = invitation.role;
  view.hidden = false;
  prepareName(invitation);
  const watching = invitation.role === "viewer";
  document.getElementById("lobby-lead").textContent = watching
    ? "You are invited to watch. Nobody will see or hear you."
    : "Check how you look and sound. You can change it later.";
  const stopPreview = watching ? () => {} : startPreview(media);
  const name = await submitted();
  stopPreview();
  view.hidden = true;
  return { name };
}

/** A personal link says who you are; an invitation for many asks. */
function prepareName({ name, invite }) {
  const field = document.getElementById("name");
  field.readOnly = !invite && name !== "";
  field.value = (field.readOnly ? name : recall()) || name;
  if (field.readOnly) document.getElementById("join").focus();
  else if (matchMedia("(pointer: fine)").matches) field.focus(); // else a keyboard hides the preview
}

function submitted() {
  const form = document.getElementById("lobby-form");
  return new Promise((resolve) => {
    form.addEventListener(
      "submit",
      (event) => {
        event.preventDefault();
        const name = document.getElementById("name").value.trim();
        remember(name);
        resolve(name);
      },
      { once: true },
    );
  });
}

function startPreview(media) {
  const screen = document.querySelector("#preview .screen");
  const video = document.getElementById("preview-video");
  const note = document.getElementById("preview-note");
  const meter = new Meter(document.getElementById("preview-meter"));
  const buttons = {
    camera: document.getElementById("preview-camera"),
    microphone: document.getElementById("preview-microphone"),
  };
  const show = ({ source }) => {
    const device = media[source];
    const word = source === "camera" ? "camera" : "microphone";
    showDeviceButton(buttons[source], device, { on: `Turn ${word} off`, off: `Turn ${word} on` });
    if (source === "microphone") {
      meter.follow(device.on ? device.track : null);
      return;
    }
    screen.toggleAttribute("data-video", device.on);
    video.srcObject = device.on ? new MediaStream([device.track]) : null;
    note.textContent = troubleText(device.trouble, "camera") || "Your camera is off";
  };
  const fill = bindDeviceFields(
    media,
    { camera: document.getElementById("camera"), microphone: document.getElementById("microphone") },
    { microphone: document.getElementById("microphone-hint") },
  );
  for (const [source, button] of Object.entries(buttons)) {
    button.addEventListener("click", () => media.setOn(source, !media[source].on));
  }
  const off = media.on("change", show);
  media.start().then(fill);
  return () => {
    off();
    meter.stop();
    video.srcObject = null;
  };
}

function recall() {
  try {
    return localStorage.getItem(NAME_KEY) ?? "";
  } catch {
    return ""; // storage is blocked: the name is typed each time
  }
}

function remember(name) {
  try {
    localStorage.setItem(NAME_KEY, name);
  } catch {
    console.info("relay: storage is blocked; your name will be asked again");
  }
}
