import { useEffect, useRef, useState } from 'react';

import { type End, Talk } from './talk';
import { type Line, withLine } from './wire';

/** How far a talk has come. */
export type Phase = 'idle' | 'asking' | 'connecting' | 'talking' | 'ended';

interface State {
  phase: Phase;
  /** Why it ended. */
  why: End | undefined;
  isMuted: boolean;
  lines: readonly Line[];
}

const NOTHING: State = { phase: 'idle', why: undefined, isMuted: false, lines: [] };

/** A talk to the agent as a screen shows it. It ends with the screen. */
export function useTalk() {
  const [state, setState] = useState(NOTHING);
  const current = useRef<Talk>(undefined);
  const change = (part: Partial<State>) => setState((before) => ({ ...before, ...part }));

  useEffect(() => () => current.current?.hangUp(), []);

  const start = () => {
    setState({ ...NOTHING, phase: 'asking' });
    current.current = new Talk({
      connecting: () => change({ phase: 'connecting' }),
      talking: () => change({ phase: 'talking' }),
      said: (line) => setState((before) => ({ ...before, lines: withLine(before.lines, line) })),
      ended: (why) => change({ phase: 'ended', why }),
    });
    void current.current.start();
  };
  const mute = (isMuted: boolean) => {
    current.current?.mute(isMuted);
    change({ isMuted });
  };
  return { ...state, start, mute, hangUp: () => current.current?.hangUp() };
}
