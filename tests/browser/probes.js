// Runs in the page under test: looks at decoded pictures and sound, never at what was promised.
(() => {
  const canvas = document.createElement("canvas");
  canvas.width = 64;
  canvas.height = 36;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const gaps = new Map();
  const ears = new Map();
  let context = null;

  const tile = (identity) => document.querySelector(`.tile[data-identity="${CSS.escape(identity)}"]`);

  function picture(identity) {
    const video = tile(identity)?.querySelector("video");
    if (!video || !video.videoWidth || video.readyState < 2) return null;
    pen.drawImage(video, 0, 0, canvas.width, canvas.height);
    const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
    let weighted = 0;
    let total = 0;
    for (let index = 0; index < data.length; index += 4) {
      const light = data[index] + data[index + 1] + data[index + 2];
      total += light;
      weighted += light * ((index / 4) % 251);
    }
    const brightness = total / (data.length / 4) / 3;
    return { width: video.videoWidth, height: video.videoHeight, sum: weighted, brightness };
  }

  function listen(identity) {
    const track = tile(identity)?.querySelector("audio")?.srcObject?.getAudioTracks()[0];
    if (!track) return null;
    let ear = ears.get(identity);
    if (ear?.track !== track) {
      context ??= new AudioContext();
      const analyser = context.createAnalyser();
      analyser.fftSize = 2048;
      const source = context.createMediaStreamSource(new MediaStream([track]));
      source.connect(analyser);
      ear = { track, analyser, source };
      ears.set(identity, ear);
    }
    const samples = new Float32Array(ear.analyser.fftSize);
    ear.analyser.getFloatTimeDomainData(samples);
    return Math.sqrt(samples.reduce((sum, value) => sum + value * value, 0) / samples.length);
  }

  function watchGaps(identity) {
    const entry = { last: performance.now(), longest: 0, frames: 0, done: false };
    gaps.set(identity, entry);
    const seen = (now) => {
      if (entry.done) return;
      const here = performance.now();
      entry.longest = Math.max(entry.longest, here - entry.last);
      entry.last = here;
      entry.frames += 1;
      tile(identity)?.querySelector("video")?.requestVideoFrameCallback(seen);
    };
    tile(identity)?.querySelector("video")?.requestVideoFrameCallback(seen);
  }

  function readGaps(identity) {
    const { last, longest, frames } = gaps.get(identity);
    const open = performance.now() - last;
    return { longest: Math.max(longest, open), open, frames };
  }

  async function inbound() {
    const pc = window.relayRoom?.peerConnections.subscribe;
    const found = [];
    for (const report of pc ? (await pc.getStats()).values() : []) {
      if (report.type !== "inbound-rtp") continue;
      const { kind, framesDecoded, keyFramesDecoded, packetsReceived, packetsLost } = report;
      const { totalAudioEnergy, frameWidth, frameHeight, codecId, mid } = report;
      found.push({ kind, mid, framesDecoded, keyFramesDecoded, packetsReceived, packetsLost,
        totalAudioEnergy, frameWidth, frameHeight, codecId });
    }
    return found;
  }

  async function candidatePairs() {
    const found = [];
    for (const [name, pc] of Object.entries(window.relayRoom?.peerConnections ?? {})) {
      if (!pc) continue;
      const stats = await pc.getStats();
      for (const report of stats.values()) {
        if (report.type !== "transport" || !report.selectedCandidatePairId) continue;
        const pair = stats.get(report.selectedCandidatePairId);
        const local = stats.get(pair.localCandidateId);
        const remote = stats.get(pair.remoteCandidateId);
        found.push({ name, local: local?.candidateType, protocol: local?.protocol,
          relay: local?.relayProtocol ?? null, remote: `${remote?.address}:${remote?.port}` });
      }
    }
    return found;
  }

  window.relayProbes = { picture, listen, watchGaps, readGaps, inbound, candidatePairs };
})();
