// What the microphone hears, on its way from the audio thread to the page: in pieces of about 20 ms.
class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.piece = new Float32Array(Math.round(sampleRate / 50));
    this.filled = 0;
  }

  process([input]) {
    const samples = input?.[0];
    // Nothing is connected yet.
    if (samples === undefined) return true;
    let taken = 0;
    while (taken < samples.length) {
      const part = samples.subarray(taken, taken + this.piece.length - this.filled);
      this.piece.set(part, this.filled);
      this.filled += part.length;
      taken += part.length;
      if (this.filled === this.piece.length) {
        this.port.postMessage(this.piece.slice());
        this.filled = 0;
      }
    }
    return true;
  }
}

registerProcessor('capture', Capture);
