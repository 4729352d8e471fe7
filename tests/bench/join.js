// Runs in a page of the installed Relay: joins with its own client and times the first decoded frame.
(() => {
  const WAIT_MS = 30000;
  let camera = null;

  async function prepare() {
    window.relayBenchClient = await import("/static/client/index.js");
    camera = await navigator.mediaDevices.getUserMedia({
      audio: true,
      video: { width: 640, height: 360, frameRate: 30 },
    });
  }

  function firstFrame(room) {
    const video = document.createElement("video");
    Object.assign(video, { muted: true, autoplay: true, playsInline: true });
    document.body.append(video);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("no frame within 30 s")), WAIT_MS);
      const look = () => {
        for (const { tracks } of room.participants.values()) {
          for (const { kind, media } of tracks.values()) {
            if (kind !== "video" || !media || video.srcObject) continue;
            video.srcObject = new MediaStream([media]);
            video.requestVideoFrameCallback(() => {
              clearTimeout(timer);
              resolve(performance.now());
            });
          }
        }
      };
      room.on("participantchanged", look);
      room.on("participantjoined", look);
      look();
    });
  }

  async function pairOf(pc) {
    const stats = await pc.getStats();
    for (const report of stats.values()) {
      if (report.type !== "transport" || !report.selectedCandidatePairId) continue;
      const local = stats.get(stats.get(report.selectedCandidatePairId).localCandidateId);
      return `${local?.candidateType}/${local?.relayProtocol ?? local?.protocol}`;
    }
    return "none";
  }

  async function join({ token, policy, waits }) {
    const { Room } = window.relayBenchClient;
    const room = new Room({ iceTransportPolicy: policy });
    for (const track of camera.getTracks()) {
      await room.publish({ source: track.kind === "video" ? "camera" : "microphone", track });
    }
    const url = new URL("/v1/rtc", location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const began = performance.now();
    const frame = waits ? firstFrame(room) : null;
    await room.connect({ url: url.href, token });
    const live = performance.now() - began;
    window.relayBenchRoom = room;
    if (!waits) return { live_ms: live };
    const seen = (await frame) - began;
    const pair = await pairOf(room.peerConnections.subscribe);
    return { live_ms: live, frame_ms: seen, pair };
  }

  window.relayBench = { prepare, join, leave: () => window.relayBenchRoom?.leave() };
})();
