import { Emitter } from "./emitter.js";

const CAMERA = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };
const MICROPHONE = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/**
 * The camera and the microphone of this machine: which ones, on or off, and why not.
 *
 * Switching the camera off stops the device, so that its light goes out. Switching the microphone
 * off keeps the device and sends silence, so that the first word after it is not lost.
 *
 * Events: `change` ({source}) whenever a track, its state or its trouble is another one, and
 * `devices` when something was plugged in or out.
 */
export class LocalMedia extends Emitter {
  camera = { source: "camera", track: null, on: false, deviceId: "", trouble: null };
  microphone = { source: "microphone", track: null, on: false, deviceId: "", trouble: null };
  #devices = navigator.mediaDevices;

  constructor() {
    super();
    this.#devices?.addEventListener("devicechange", () => this.emit("devices"));
  }

  /** Ask for both at once, so that the browser asks the person once; each may fail alone. */
  async start() {
    try {
      const stream = await this.#capture({ video: CAMERA, audio: MICROPHONE });
      this.#take(this.camera, stream.getVideoTracks()[0]);
      this.#take(this.microphone, stream.getAudioTracks()[0]);
    } catch {
      await this.setOn("camera", true);
      await this.setOn("microphone", true);
    }
  }

  /** @returns {Promise<boolean>} whether the device is now in the wished state */
  async setOn(source, on) {
    const device = this[source];
    if (!on) {
      device.on = false;
      if (source === "camera") this.#release(device);
      else if (device.track) device.track.enabled = false;
      this.emit("change", { source });
      return true;
    }
    if (device.track?.readyState === "live") {
      device.track.enabled = true;
      device.on = true;
      this.emit("change", { source });
      return true;
    }
    return this.#open(device);
  }

  /** Use another device from now on. */
  async choose(source, deviceId) {
    const device = this[source];
    device.deviceId = deviceId;
    if (!device.on) {
      this.#release(device);
      return true;
    }
    this.#release(device);
    return this.#open(device);
  }

  /** @param {"videoinput" | "audioinput" | "audiooutput"} kind */
  async list(kind) {
    const devices = (await this.#devices?.enumerateDevices()) ?? [];
    return devices
      .filter((device) => device.kind === kind && device.deviceId !== "")
      .map(({ deviceId, label }) => ({ deviceId, label }));
  }

  stop() {
    for (const device of [this.camera, this.microphone]) {
      device.on = false;
      this.#release(device);
    }
  }

  async #open(device) {
    const exact = device.deviceId ? { deviceId: { exact: device.deviceId } } : {};
    const wish =
      device.source === "camera"
        ? { video: { ...CAMERA, ...exact } }
        : { audio: { ...MICROPHONE, ...exact } };
    try {
      const stream = await this.#capture(wish);
      this.#take(device, stream.getTracks()[0]);
      return true;
    } catch (error) {
      device.on = false;
      device.trouble = readTrouble(error);
      this.emit("change", { source: device.source });
      return false;
    }
  }

  async #capture(constraints) {
    if (!this.#devices?.getUserMedia) throw new DOMException("", "SecurityError");
    return this.#devices.getUserMedia(constraints);
  }

  #take(device, track) {
    this.#release(device);
    device.track = track;
    device.on = true;
    device.trouble = null;
    device.deviceId = track.getSettings().deviceId ?? device.deviceId;
    if (device.source === "camera") track.contentHint = "motion";
    track.onended = () => {
      device.on = false;
      device.track = null;
      device.trouble = "unplugged";
      this.emit("change", { source: device.source });
    };
    this.emit("change", { source: device.source });
  }

  #release(device) {
    if (!device.track) return;
    device.track.onended = null;
    device.track.stop();
    device.track = null;
  }
}

/** One word for each way in which a device can be out of reach. */
function readTrouble(error) {
  switch (error?.name) {
    case "NotAllowedError":
      return "denied";
    case "SecurityError":
      return "insecure";
    case "NotFoundError":
    case "OverconstrainedError":
      return "missing";
    case "NotReadableError":
    case "AbortError":
      return "busy";
    default:
      return "failed";
  }
}
