import { bindDeviceFields, showDeviceButton } from "./device_fields.js";

const WORDS = {
  camera: { on: "Stop video", off: "Start video" },
  microphone: { on: "Mute", off: "Unmute" },
};

/** Microphone, camera, devices, leave; and what they mean for what the room is sent. */
export class Controls {
  #media;
  #room;
  #role;
  #onSpeaker;

  constructor({ media, room, role, onSpeaker }) {
    this.#media = media;
    this.#room = room;
    this.#role = role;
    this.#onSpeaker = onSpeaker;
  }

  open() {
    document.getElementById("leave").addEventListener("click", () => this.#room.leave());
    const devices = document.getElementById("open-devices");
    const dialog = document.getElementById("devices");
    devices.addEventListener("click", () => dialog.showModal());
    this.#bindSpeakers();
    if (this.#role === "viewer") {
      for (const source of Object.keys(WORDS)) this.#button(source).hidden = true;
      for (const field of dialog.querySelectorAll("[data-device]")) field.hidden = true;
      devices.hidden = document.getElementById("speaker-field").hidden;
      return;
    }
    for (const source of Object.keys(WORDS)) {
      this.#button(source).addEventListener("click", () => this.#toggle(source));
      this.#show(source);
      this.#send(source);
    }
    this.#media.on("change", ({ source }) => {
      this.#show(source);
      this.#send(source);
    });
    const fill = bindDeviceFields(this.#media, {
      camera: document.getElementById("call-camera"),
      microphone: document.getElementById("call-microphone"),
    });
    fill();
  }

  async #toggle(source) {
    const button = this.#button(source);
    button.setAttribute("aria-busy", "true");
    await this.#media.setOn(source, !this.#media[source].on);
    button.removeAttribute("aria-busy");
  }

  #show(source) {
    showDeviceButton(this.#button(source), this.#media[source], WORDS[source]);
  }

  /** Bring what the room is sent in step with the device. */
  #send(source) {
    const { track, on } = this.#media[source];
    if (!on && !this.#room.published.has(source)) return; // never on: nothing to announce
    this.#room.publish({ source, track, muted: !on }).catch((error) => {
      console.warn(`relay: ${source} could not be sent`, error);
    });
  }

  async #bindSpeakers() {
    if (!("setSinkId" in HTMLMediaElement.prototype)) return;
    const speakers = await this.#media.list("audiooutput");
    if (speakers.length < 2) return;
    const select = document.getElementById("call-speaker");
    select.replaceChildren(
      ...speakers.map(({ deviceId, label }, index) => new Option(label || `Speaker ${index + 1}`, deviceId)),
    );
    select.addEventListener("change", () => this.#onSpeaker(select.value));
    document.getElementById("speaker-field").hidden = false;
    document.getElementById("open-devices").hidden = false;
  }

  #button(source) {
    return document.getElementById(`toggle-${source}`);
  }
}
