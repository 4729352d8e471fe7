/** Relay's JavaScript client. Everything a page needs is exported here. */
export { LocalMedia } from "./local_media.js";
export { Room, RoomClosedError } from "./room.js";
export { describeToken } from "./token.js";
