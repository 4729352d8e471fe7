import { hueOf, initials } from "./texts.js";

/** One person's place in the grid: picture, sound, name, and what can be seen of their state. */
export class Tile {
  element;
  #video;
  #audio;
  #name = "";

  /** @param {{identity: string, self?: boolean}} options */
  constructor({ identity, self = false }) {
    const template = document.getElementById("tile");
    this.element = template.content.firstElementChild.cloneNode(true);
    this.element.dataset.identity = identity;
    this.element.toggleAttribute("data-self", self);
    this.element.style.setProperty("--hue", String(hueOf(identity)));
    this.#video = this.element.querySelector("video");
    this.#audio = this.element.querySelector("audio");
    this.#video.addEventListener("resize", () => this.#fit());
  }

  /**
   * @param {object} state
   * @param {string} state.name
   * @param {MediaStreamTrack | null} state.video null where there is no picture to show
   * @param {MediaStreamTrack | null} state.audio
   * @param {boolean} state.muted
   * @param {boolean} [state.away]
   */
  show({ name, video, audio, muted, away = false }) {
    if (name !== this.#name) {
      this.#name = name;
      this.element.querySelector(".who").textContent = name;
      this.element.querySelector(".avatar").textContent = initials(name);
    }
    attach(this.#video, video);
    attach(this.#audio, audio);
    this.element.toggleAttribute("data-video", video !== null);
    this.element.toggleAttribute("data-muted", muted);
    this.element.toggleAttribute("data-away", away);
  }

  set speaking(speaking) {
    this.element.toggleAttribute("data-speaking", speaking);
  }

  /** @returns {Promise<boolean>} false where the browser wants a click before it plays sound */
  async play() {
    if (!this.#audio.srcObject) return true;
    try {
      await this.#audio.play();
      return true;
    } catch (error) {
      return error.name !== "NotAllowedError";
    }
  }

  /** Play sound on another device, where the browser can. */
  async useSpeaker(deviceId) {
    await this.#audio.setSinkId?.(deviceId);
  }

  remove() {
    attach(this.#video, null);
    attach(this.#audio, null);
    this.element.remove();
  }

  /** A tall picture is shown whole: cropping a phone's portrait video would cut the face. */
  #fit() {
    const tall = this.#video.videoHeight > this.#video.videoWidth;
    this.element.dataset.fit = tall ? "contain" : "cover";
  }
}

function attach(element, track) {
  const current = element.srcObject?.getTracks()[0] ?? null;
  if (current === track) return;
  element.srcObject = track ? new MediaStream([track]) : null;
}
