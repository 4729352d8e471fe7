import { LocalMedia, Room, describeToken } from "../client/index.js";
import { Announcer } from "./announcer.js";
import { Call } from "./call.js";
import { showLobby } from "./lobby.js";
import { endingText } from "./texts.js";

const announcer = new Announcer();

async function run() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
  if (token === "") return showEnd("token_missing");
  const invitation = describeToken(token);
  if (invitation === null) return showEnd("token_invalid");
  if (invitation.expiresAt !== null && invitation.expiresAt <= new Date()) {
    return showEnd("token_expired");
  }
  if (invitation.hall !== "" && invitation.hall !== hallId()) return showEnd("token_other_hall");
  const media = new LocalMedia();
  const { name } = await showLobby({ media, invitation });
  const options = new URLSearchParams(location.search);
  const room = new Room({
    iceTransportPolicy: options.get("relay") === "1" ? "relay" : "all",
    codec: options.get("codec") ?? undefined,
  });
  window.relayRoom = room;
  const me = { name, identity: invitation.identity, role: invitation.role };
  const inviteLink = invitation.invite ? location.href : null;
  const call = new Call({ room, media, announcer, me, inviteLink });
  call.open();
  room.on("state", ({ state, reason }) => {
    if (state !== "closed") return;
    media.stop();
    call.close();
    showEnd(reason);
  });
  window.addEventListener("pagehide", () => room.leave());
  try {
    await room.connect({
      url: gatewayAddress(),
      token,
      scope: hallId(),
      name: invitation.invite ? name : undefined,
    });
  } catch (error) {
    if (error.name !== "RoomClosedError") throw error; // a refusal is on the screen already
  }
}

/** The page is served at <base>/join/<hall>, the gateway beside it. */
function gatewayAddress() {
  const address = new URL("../v1/rtc", location.href);
  address.hash = "";
  address.search = "";
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  return address.href;
}

function hallId() {
  return location.pathname.split("/").filter(Boolean).at(-1) ?? "";
}

function showEnd(reason) {
  const { title, text, again } = endingText(reason);
  document.title = `${title} · Relay`;
  document.getElementById("ended-title").textContent = title;
  document.getElementById("ended-text").textContent = text;
  const button = document.getElementById("again");
  button.hidden = !again;
  button.addEventListener("click", () => location.reload());
  const view = document.getElementById("ended");
  view.dataset.reason = reason;
  view.hidden = false;
  document.getElementById("ended-title").focus();
  announcer.alert(`${title}. ${text}`);
}

run();
