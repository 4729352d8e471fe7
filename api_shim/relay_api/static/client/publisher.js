import { Message } from "./messages.js";

const VIDEO_MAX_BITRATE = 1_500_000; // bit/s: what 720p of a talking person is worth
const SCREEN_MAX_BITRATE = 2_500_000;
const OFFER_AGAIN_MS = 1000;

/**
 * @typedef {object} Published
 * @property {string} source camera, microphone, screen or screen_audio
 * @property {MediaStreamTrack | null} track null while muted with the device switched off
 * @property {boolean} muted
 */

/**
 * The peer connection that carries what this participant sends. The client offers; one offer is
 * under way at a time, and changes made meanwhile go into the next one.
 */
export class Publisher {
  /** @type {RTCPeerConnection} */
  pc;
  #send;
  #codec;
  #slots = new Map(); // source -> {transceiver, published, id}
  #offerId = 0;
  #wanted = false;
  #busy = false;

  /**
   * @param {object} options
   * @param {RTCConfiguration} options.configuration
   * @param {(message: object) => boolean} options.send
   * @param {string} [options.codec] preferred video codec, for example "H264"
   */
  constructor({ configuration, send, codec }) {
    this.pc = new RTCPeerConnection({ ...configuration, bundlePolicy: "max-bundle" });
    this.#send = send;
    this.#codec = codec;
  }

  /** @param {Published} published */
  async publish(published) {
    const { source, track } = published;
    const kind = source === "microphone" || source === "screen_audio" ? "audio" : "video";
    const transceiver = this.pc.addTransceiver(track ?? kind, {
      direction: "sendonly",
      sendEncodings: kind === "video" ? [videoEncoding(source)] : undefined,
    });
    if (kind === "video" && this.#codec) preferCodec(transceiver, this.#codec);
    this.#slots.set(source, { transceiver, published, id: null });
    await this.#negotiate();
  }

  async unpublish(source) {
    const slot = this.#slots.get(source);
    if (!slot) return;
    this.#slots.delete(source);
    slot.transceiver.stop();
    await this.#negotiate();
  }

  /** Bring track and mute state of a published source to what `published` now says. */
  async update(published) {
    const slot = this.#slots.get(published.source);
    if (!slot) return;
    slot.published = published;
    if (slot.transceiver.sender.track !== published.track) {
      await slot.transceiver.sender.replaceTrack(published.track);
    }
    this.#tellMute(slot);
  }

  has(source) {
    return this.#slots.has(source);
  }

  /** After a resume: whatever was said while the socket was down is said again. */
  resync() {
    for (const slot of this.#slots.values()) this.#tellMute(slot);
    if (this.pc.signalingState === "have-local-offer") this.#sendOffer();
  }

  /** The server's answer to the offer under way. */
  async answered({ id, sdp, tracks }) {
    if (id !== this.#offerId || this.pc.signalingState !== "have-local-offer") return;
    await this.pc.setRemoteDescription({ type: "answer", sdp });
    const ids = new Map((tracks ?? []).map((track) => [track.mid, track.id]));
    for (const slot of this.#slots.values()) {
      const known = ids.get(slot.transceiver.mid);
      if (known === undefined || known === slot.id) continue;
      slot.id = known;
      this.#tellMute(slot);
    }
    this.#busy = false;
    if (this.#wanted) await this.#negotiate();
  }

  /**
   * The server refused the offer under way. Made too soon after others, it is made again later;
   * otherwise what was new in it is given up, so that others can go.
   */
  async refused({ id, code }) {
    if (id !== this.#offerId || this.pc.signalingState !== "have-local-offer") return;
    if (code === "rate_limited") {
      setTimeout(() => this.#offerAgain(id), OFFER_AGAIN_MS);
      return;
    }
    await this.pc.setLocalDescription({ type: "rollback" });
    for (const [source, slot] of this.#slots) {
      if (slot.id !== null) continue;
      slot.transceiver.stop();
      this.#slots.delete(source);
    }
    this.#busy = false;
  }

  close() {
    this.pc.close();
  }

  async #negotiate() {
    if (this.#busy) {
      this.#wanted = true;
      return;
    }
    this.#busy = true;
    await Promise.resolve(); // tracks published in the same breath share one offer
    this.#wanted = false;
    await this.pc.setLocalDescription(await this.pc.createOffer());
    this.#sendOffer();
  }

  #offerAgain(id) {
    if (id === this.#offerId && this.pc.signalingState === "have-local-offer") this.#sendOffer();
  }

  #sendOffer() {
    this.#offerId += 1;
    const tracks = [...this.#slots.values()]
      .filter(({ transceiver }) => transceiver.mid !== null)
      .map(({ transceiver, published }) => ({
        mid: transceiver.mid,
        source: published.source,
        muted: published.muted,
      }));
    this.#send(Message.offer({ id: this.#offerId, sdp: this.pc.localDescription.sdp, tracks }));
  }

  #tellMute({ id, published }) {
    if (id !== null) this.#send(Message.mute({ track: id, muted: published.muted }));
  }
}

function videoEncoding(source) {
  if (source === "screen") return { maxBitrate: SCREEN_MAX_BITRATE, maxFramerate: 15 };
  return { maxBitrate: VIDEO_MAX_BITRATE, maxFramerate: 30 };
}

/** Put one codec first; the others stay, so that a hall without it still works. */
function preferCodec(transceiver, name) {
  const mime = `video/${name}`.toLowerCase();
  const codecs = RTCRtpReceiver.getCapabilities("video")?.codecs ?? [];
  const wanted = codecs.filter((codec) => codec.mimeType.toLowerCase() === mime);
  if (wanted.length === 0) return;
  const rest = codecs.filter((codec) => codec.mimeType.toLowerCase() !== mime);
  transceiver.setCodecPreferences([...wanted, ...rest]);
}
