import { Message } from "./messages.js";

/**
 * The peer connection that carries what the others send. The server offers, this side answers.
 */
export class Subscriber {
  /** @type {RTCPeerConnection} */
  pc;
  #send;
  #onTracks;
  #queue = Promise.resolve();

  /**
   * @param {object} options
   * @param {RTCConfiguration} options.configuration
   * @param {(message: object) => boolean} options.send
   * @param {(tracks: Map<string, MediaStreamTrack>) => void} options.onTracks all received tracks,
   *   by the server's track id, after every offer
   */
  constructor({ configuration, send, onTracks }) {
    this.pc = new RTCPeerConnection({ ...configuration, bundlePolicy: "max-bundle" });
    this.#send = send;
    this.#onTracks = onTracks;
  }

  /** Answer one offer. Offers are taken strictly in turn. */
  offered(offer) {
    this.#queue = this.#queue.then(() => this.#answer(offer));
    return this.#queue;
  }

  close() {
    this.pc.close();
  }

  async #answer({ id, sdp, tracks }) {
    if (this.pc.signalingState === "closed") return;
    await this.pc.setRemoteDescription({ type: "offer", sdp });
    await this.pc.setLocalDescription(await this.pc.createAnswer());
    this.#send(Message.answer({ id, sdp: this.pc.localDescription.sdp }));
    const byMid = new Map(this.pc.getTransceivers().map((item) => [item.mid, item]));
    const received = new Map();
    for (const { mid, track } of tracks ?? []) {
      const transceiver = byMid.get(String(mid));
      if (transceiver) received.set(track, transceiver.receiver.track);
    }
    this.#onTracks(received);
  }
}
