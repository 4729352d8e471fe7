/** Speaks to people who do not look at the screen. */
export class Announcer {
  #status = document.getElementById("announcer");
  #alerts = document.getElementById("alerts");
  #queue = [];
  #timer = null;

  /** Said when the listener has a moment; several things at once become one sentence after another. */
  say(text) {
    this.#queue.push(text);
    this.#timer ??= setTimeout(() => {
      this.#status.textContent = this.#queue.join(" ");
      this.#queue = [];
      this.#timer = null;
    }, 400);
  }

  /** Said at once. */
  alert(text) {
    this.#alerts.textContent = text;
  }
}
