import { TELEPHONE_RATE } from './mulaw';
import { Playback, type Speaker } from './playback';
import { Uplink } from './uplink';
import { type Line, readTold } from './wire';

/** Why there is no talk, or no more. The server's words for how a call ends are among them. */
export type End = 'refused' | 'no_microphone' | 'unsupported' | 'not_connected' | 'lost' | (string & {});

/** What becomes of a talk. */
export interface Listener {
  connecting: () => void;
  talking: () => void;
  said: (line: Line) => void;
  /** Comes once, and nothing after it. */
  ended: (why: End) => void;
}

const MICROPHONE: MediaTrackConstraints = { channelCount: 1, echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/** Plays over the loudspeaker. Whatever its rate is, the browser brings the telephone's to it. */
function loudspeaker(context: AudioContext): Speaker {
  return {
    now: () => context.currentTime,
    play: (samples, at, over) => {
      const buffer = context.createBuffer(1, samples.length, TELEPHONE_RATE);
      buffer.copyToChannel(samples, 0);
      const source = new AudioBufferSourceNode(context, { buffer });
      source.onended = over;
      source.connect(context.destination);
      source.start(at);
      return () => source.stop();
    },
  };
}

/** Why the microphone is not there. */
function whyNot(error: unknown): End {
  const name = error instanceof DOMException ? error.name : '';
  return name === 'NotAllowedError' || name === 'SecurityError' ? 'refused' : 'no_microphone';
}

/** Where the server listens: this site, over a websocket. */
function address(): string {
  return new URL('/api/agent/talk', location.href).href.replace(/^http/, 'ws');
}

/** One talk to the agent, from the question for the microphone to its end. */
export class Talk {
  private microphone: MediaStream | undefined;
  private context: AudioContext | undefined;
  private socket: WebSocket | undefined;
  private isOver = false;

  constructor(private readonly listener: Listener) {}

  /** Asks for the microphone and connects. To be called when something was clicked: browsers play nothing before that. */
  async start(): Promise<void> {
    if (!('mediaDevices' in navigator) || typeof AudioWorkletNode === 'undefined') return this.end('unsupported');
    try {
      this.keep(await navigator.mediaDevices.getUserMedia({ audio: MICROPHONE }));
    } catch (error) {
      return this.end(whyNot(error));
    }
    if (this.isOver) return;
    this.listener.connecting();
    try {
      await this.connect();
    } catch {
      this.end('not_connected');
    }
  }

  /** Whether the agent hears the microphone. */
  mute(isMuted: boolean): void {
    for (const track of this.microphone?.getAudioTracks() ?? []) track.enabled = !isMuted;
  }

  /** Ends the talk; the server is told. */
  hangUp(): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ hang_up: true }));
    this.end('caller_hung_up');
  }

  private keep(microphone: MediaStream): void {
    this.microphone = microphone;
    // He hung up while the browser asked.
    if (this.isOver) this.letGo();
  }

  private async connect(): Promise<void> {
    const context = new AudioContext();
    this.context = context;
    await Promise.all([context.resume(), context.audioWorklet.addModule('/talk-worklet.js')]);
    if (this.isOver || !this.microphone) return this.letGo();
    const socket = new WebSocket(address());
    this.socket = socket;
    socket.binaryType = 'arraybuffer';
    const say = (words: Uint8Array<ArrayBuffer> | string) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(words);
    };
    const playback = new Playback(loudspeaker(context), (mark) => say(JSON.stringify({ mark })));
    let wasOpen = false;
    socket.onopen = () => {
      wasOpen = true;
      this.listener.talking();
    };
    socket.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) => this.hear(data, playback);
    socket.onclose = () => this.end(wasOpen ? 'lost' : 'not_connected');
    const uplink = new Uplink(context.sampleRate, say);
    const capture = new AudioWorkletNode(context, 'capture');
    capture.port.onmessage = ({ data }: MessageEvent<Float32Array>) => uplink.push(data);
    // It gives out silence; some browsers run only what leads to the loudspeaker.
    context.createMediaStreamSource(this.microphone).connect(capture).connect(context.destination);
  }

  private hear(data: ArrayBuffer | string, playback: Playback): void {
    if (this.isOver) return;
    if (typeof data !== 'string') return playback.sound(new Uint8Array(data));
    const told = readTold(data);
    if (!told) return;
    if ('clear' in told) playback.clear();
    else if ('mark' in told) playback.mark(told.mark);
    else if ('line' in told) this.listener.said(told.line);
    else this.end(told.ended);
  }

  private end(why: End): void {
    if (this.isOver) return;
    this.isOver = true;
    this.letGo();
    this.listener.ended(why);
  }

  /** Gives back the microphone, the loudspeaker and the connection. */
  private letGo(): void {
    for (const track of this.microphone?.getTracks() ?? []) track.stop();
    this.socket?.close();
    // It is closed already where it was never opened.
    void this.context?.close().catch(() => undefined);
  }
}
