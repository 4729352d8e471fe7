import { Controls } from "./controls.js";
import { Grid } from "./grid.js";
import { connectionText, headcountText, refusalText } from "./texts.js";
import { Tile } from "./tile.js";

const BANNER_DELAY_MS = 700; // a resume that takes less is nobody's concern

/** The call itself: people, connection, controls. */
export class Call {
  #room;
  #media;
  #announcer;
  #view = document.getElementById("call");
  #grid = new Grid(document.getElementById("grid"));
  #tiles = new Map();
  #self;
  #controls;
  #banner = { text: "", topic: "" };
  #bannerTimer = null;
  #saidTopic = "";
  #wasLive = false;
  #inviteLink;

  /**
   * @param {object} options
   * @param {import("../client/index.js").Room} options.room
   * @param {import("../client/index.js").LocalMedia} options.media
   * @param {import("./announcer.js").Announcer} options.announcer
   * @param {{name: string, identity: string, role: string}} options.me
   * @param {string | null} options.inviteLink a link that others may use too
   */
  constructor({ room, media, announcer, me, inviteLink }) {
    this.#room = room;
    this.#media = media;
    this.#announcer = announcer;
    this.#inviteLink = inviteLink;
    this.#self = new Tile({ identity: me.identity || "you", self: true });
    this.#controls = new Controls({ media, room, role: me.role, onSpeaker: (id) => this.#speak(id) });
    this.me = me;
  }

  open() {
    this.#view.hidden = false;
    this.#view.focus(); // the lobby's button, which had it, is gone
    if (this.me.role !== "viewer") {
      this.#grid.add(this.#self);
      this.#media.on("change", () => this.#showSelf());
      this.#showSelf();
    }
    const room = this.#room;
    room.on("state", (change) => this.#showState(change));
    room.on("participantjoined", (participant) => this.#joined(participant));
    room.on("participantchanged", (participant) => this.#changed(participant));
    room.on("participantleft", ({ participant }) => this.#left(participant));
    room.on("speakers", (levels) => this.#speakers(levels));
    room.on("error", ({ code }) => this.#refused(code));
    document.getElementById("enable-sound").addEventListener("click", () => this.#playAll());
    document.getElementById("copy-link").addEventListener("click", () => this.#copyLink());
    this.#controls.open();
    this.#showState({ state: "connecting", reason: "", message: "" });
  }

  close() {
    clearTimeout(this.#bannerTimer);
    this.#view.hidden = true;
    for (const tile of this.#tiles.values()) tile.remove();
  }

  #showState({ state, reason, message }) {
    if (state === "closed") return;
    const { label, banner } = connectionText({ state, reason, message });
    this.#view.dataset.state = state;
    document.getElementById("connection-text").textContent = label;
    this.#banner = { text: banner, topic: `${state} ${reason}` };
    if (banner === "" || state === "waiting") this.#showBanner();
    else this.#bannerTimer ??= setTimeout(() => this.#showBanner(), BANNER_DELAY_MS);
    if (state !== "live") return;
    const name = this.#room.hall?.name || "Hall";
    document.getElementById("hall-name").textContent = name;
    document.title = `${name} · Relay`;
    if (!this.#wasLive) this.#announcer.say(`You joined ${name}.`);
    this.#wasLive = true;
    this.#count();
  }

  /** Say what is wrong, or that it is over. A text that only counts seconds is not said again. */
  #showBanner() {
    clearTimeout(this.#bannerTimer);
    this.#bannerTimer = null;
    const { text, topic } = this.#banner;
    const banner = document.getElementById("banner");
    const wasShown = !banner.hidden;
    banner.hidden = text === "";
    banner.textContent = text;
    if (text === "") {
      if (wasShown && this.#wasLive) this.#announcer.say("Connected again.");
      this.#saidTopic = "";
    } else if (topic !== this.#saidTopic) {
      this.#announcer.say(text);
      this.#saidTopic = topic;
    }
  }

  #joined(participant) {
    const tile = new Tile({ identity: participant.identity });
    this.#tiles.set(participant.identity, tile);
    if (participant.role !== "viewer") this.#grid.add(tile);
    this.#changed(participant);
    if (this.#wasLive) this.#announcer.say(`${participant.name} joined.`);
    this.#count();
  }

  #changed(participant) {
    const tile = this.#tiles.get(participant.identity);
    if (!tile) return;
    const tracks = [...participant.tracks.values()];
    const video = tracks.find(({ kind, muted, media }) => kind === "video" && !muted && media);
    const audio = tracks.find(({ kind, media }) => kind === "audio" && media);
    tile.show({
      name: participant.name,
      video: video?.media ?? null,
      audio: audio?.media ?? null,
      muted: !tracks.some(({ kind, muted }) => kind === "audio" && !muted),
      away: participant.away,
    });
    if (audio) this.#play(tile);
  }

  #left(participant) {
    const tile = this.#tiles.get(participant.identity);
    if (!tile) return;
    this.#tiles.delete(participant.identity);
    this.#grid.remove(tile);
    if (this.#room.state === "closed") return;
    this.#announcer.say(`${participant.name} left.`);
    this.#count();
  }

  #speakers(levels) {
    for (const [identity, tile] of this.#tiles) tile.speaking = (levels.get(identity) ?? 0) > 0;
    this.#self.speaking = (levels.get(this.#room.local?.identity) ?? 0) > 0 && this.#media.microphone.on;
  }

  #showSelf() {
    const { camera, microphone } = this.#media;
    this.#self.show({
      name: `${this.#room.local?.name || this.me.name || "You"} (you)`,
      video: camera.on ? camera.track : null,
      audio: null,
      muted: !microphone.on,
    });
    if (!microphone.on) this.#self.speaking = false;
  }

  #count() {
    const people = this.#tiles.size + 1;
    document.getElementById("headcount").textContent = headcountText(people);
    const alone = people === 1 && this.#room.state === "live";
    document.getElementById("alone").hidden = !alone;
    document.getElementById("copy-link").hidden = this.#inviteLink === null;
  }

  async #play(tile) {
    if (!(await tile.play())) document.getElementById("sound").hidden = false;
  }

  async #playAll() {
    document.getElementById("sound").hidden = true;
    for (const tile of this.#tiles.values()) await this.#play(tile);
  }

  async #speak(deviceId) {
    for (const tile of this.#tiles.values()) await tile.useSpeaker(deviceId);
  }

  async #copyLink() {
    const button = document.getElementById("copy-link");
    await navigator.clipboard.writeText(this.#inviteLink);
    button.textContent = "Link copied";
    this.#announcer.say("Invitation link copied.");
  }

  #refused(code) {
    const text = refusalText(code);
    if (text === "") return;
    this.#banner = { text, topic: code };
    this.#showBanner();
  }
}
