const AWAY_GRACE_MS = 10000; // how long a place is kept for somebody who follows to a new pod

/**
 * One of the others. `away` is true while the hall has moved and they have not come back yet.
 *
 * @typedef {object} Participant
 * @property {string} sid
 * @property {string} identity
 * @property {string} name
 * @property {string} role
 * @property {number} level 0..1, 0 for silence
 * @property {boolean} away
 * @property {Map<string, Track>} tracks by track id
 *
 * @typedef {object} Track
 * @property {string} id
 * @property {"audio" | "video"} kind
 * @property {string} source
 * @property {boolean} muted
 * @property {MediaStreamTrack | null} media null until the subscription carries it
 */

/** Who is in the hall, as the server tells it. Keyed by identity, because a sid dies with its pod. */
export class Participants {
  /** @type {Map<string, Participant>} */
  all = new Map();
  #bySid = new Map();
  #awayTimers = new Map();
  #emit;
  #media = new Map();

  /** @param {(type: string, detail: object) => void} emit */
  constructor(emit) {
    this.#emit = emit;
  }

  /** Take the list of a `welcome`: same pod after a resume, or another pod. */
  replace(list, { resumed }) {
    if (!resumed) this.#media = new Map();
    const present = new Set(list.map(({ identity }) => identity));
    for (const participant of this.all.values()) {
      if (present.has(participant.identity)) continue;
      if (resumed) this.#remove(participant, "left");
      else this.#sendAway(participant);
    }
    for (const item of list) this.joined(item);
  }

  joined({ sid, identity, name, role, tracks = [] }) {
    const known = this.all.get(identity);
    clearTimeout(this.#awayTimers.get(identity));
    const participant = known ?? { level: 0 };
    if (known) this.#bySid.delete(known.sid);
    Object.assign(participant, { sid, identity, name: name || identity, role, away: false });
    participant.tracks = new Map(tracks.map((track) => [track.id, this.#track(track)]));
    this.all.set(identity, participant);
    this.#bySid.set(sid, participant);
    this.#emit(known ? "participantchanged" : "participantjoined", participant);
  }

  left({ sid, reason }) {
    const participant = this.#bySid.get(sid);
    if (!participant) return;
    if (reason === "server_shutdown") this.#sendAway(participant);
    else this.#remove(participant, reason);
  }

  published({ sid, track }) {
    this.#change(sid, ({ tracks }) => tracks.set(track.id, this.#track(track)));
  }

  unpublished({ sid, track }) {
    this.#change(sid, ({ tracks }) => tracks.delete(track));
  }

  muted({ sid, track, muted }) {
    this.#change(sid, ({ tracks }) => {
      const known = tracks.get(track);
      if (known) known.muted = muted;
    });
  }

  /** @param {Map<string, number>} levels by sid; whoever is missing is silent */
  speakers(levels) {
    for (const [sid, participant] of this.#bySid) participant.level = levels.get(sid) ?? 0;
  }

  /** @param {Map<string, MediaStreamTrack>} media what the subscription carries, by track id */
  received(media) {
    this.#media = media;
    for (const participant of this.all.values()) {
      let changed = false;
      for (const track of participant.tracks.values()) {
        const now = media.get(track.id) ?? null;
        changed ||= track.media !== now;
        track.media = now;
      }
      if (changed) this.#emit("participantchanged", participant);
    }
  }

  clear() {
    for (const timer of this.#awayTimers.values()) clearTimeout(timer);
    for (const participant of [...this.all.values()]) this.#remove(participant, "left");
  }

  #track({ id, kind, source, muted }) {
    return { id, kind, source, muted: muted === true, media: this.#media.get(id) ?? null };
  }

  #change(sid, action) {
    const participant = this.#bySid.get(sid);
    if (!participant) return;
    action(participant);
    this.#emit("participantchanged", participant);
  }

  #sendAway(participant) {
    if (participant.away) return;
    this.#bySid.delete(participant.sid);
    participant.away = true;
    participant.level = 0;
    const timer = setTimeout(() => this.#remove(participant, "connection_lost"), AWAY_GRACE_MS);
    this.#awayTimers.set(participant.identity, timer);
    this.#emit("participantchanged", participant);
  }

  #remove(participant, reason) {
    if (this.all.get(participant.identity) !== participant) return;
    clearTimeout(this.#awayTimers.get(participant.identity));
    this.#bySid.delete(participant.sid);
    this.all.delete(participant.identity);
    this.#emit("participantleft", { participant, reason });
  }
}
