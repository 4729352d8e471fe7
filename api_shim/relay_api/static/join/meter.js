/**
 * Shows how loud a microphone track is, by the custom property --level of an element.
 */
export class Meter {
  #element;
  #context = null;
  #source = null;
  #frame = 0;

  /** @param {HTMLElement} element */
  constructor(element) {
    this.#element = element;
  }

  /** @param {MediaStreamTrack | null} track null for silence */
  follow(track) {
    this.#source?.disconnect();
    this.#source = null;
    cancelAnimationFrame(this.#frame);
    this.#element.style.setProperty("--level", "0");
    if (!track) return;
    this.#context ??= new AudioContext();
    this.#source = this.#context.createMediaStreamSource(new MediaStream([track]));
    const analyser = this.#context.createAnalyser();
    analyser.fftSize = 512;
    this.#source.connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const draw = () => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      const decibels = 10 * Math.log10(power + 1e-9);
      const level = Math.min(1, Math.max(0, (decibels + 60) / 50));
      this.#element.style.setProperty("--level", level.toFixed(2));
      this.#frame = requestAnimationFrame(draw);
    };
    draw();
  }

  stop() {
    this.follow(null);
    this.#context?.close();
    this.#context = null;
  }
}
