// Opened from disk, a page may start no worker, and the search is one: its script runs in a frame then. The theme asks
// for a file of this name.
if (location.protocol === "file:") {
  window.Worker = class {
    #frame = document.createElement("iframe");
    #channel = new MessageChannel();

    constructor(url) {
      this.#channel.port1.onmessage = (event) => this.onmessage?.(event);
      this.#frame.hidden = true;
      this.#frame.srcdoc = "<!doctype html>";
      this.#frame.onload = () => this.#run(url);
      document.body.append(this.#frame);
    }

    #run(url) {
      const inner = this.#frame.contentWindow;
      const { port2 } = this.#channel;
      inner.postMessage = (data) => port2.postMessage(data);
      const script = inner.document.createElement("script");
      script.src = url;
      // What has been sent until now waits in the channel.
      script.onload = () => (port2.onmessage = (event) => inner.onmessage(event));
      script.onerror = (event) => this.onerror?.(event);
      inner.document.head.append(script);
    }

    postMessage(data) {
      this.#channel.port1.postMessage(data);
    }

    terminate() {
      this.#channel.port1.close();
      this.#frame.remove();
    }
  };
}
