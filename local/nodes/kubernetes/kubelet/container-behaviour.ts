import type { Container, Pod } from '../controllers/shapes.ts';

/** What a container does, unscaled: nothing really runs. */
export interface Behaviour {
  /** Ends by itself after so long; absent: never. */
  readonly runSeconds?: number;
  readonly exitCode: number;
  readonly readyAfterSeconds: number;
  readonly imageExists: boolean;
}

/** How a pod asks to behave in the simulation: by annotations for all its containers. */
export const behaviourAnnotations = {
  exit: 'local.overcast.dev/exit',
  runSeconds: 'local.overcast.dev/run-seconds',
  readyAfterSeconds: 'local.overcast.dev/ready-after-seconds',
  /** How long it takes to end when it is told to; absent: all the grace that it is given. */
  stopSeconds: 'local.overcast.dev/stop-seconds',
} as const;

/** What work that says nothing of itself takes. */
const taskSeconds = 5;
const initSeconds = 1;
const unitSeconds: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 };
/** Programs that print something and end. */
const brief = /^(?:\/(?:usr\/)?bin\/)?(?:echo|true|false|date|env|hostname|ls|cat|uname|printf)\b/;

export const annotated = ({ metadata }: Pod, annotation: string): number | undefined => {
  const text = metadata.annotations?.[annotation];
  const value = text === undefined || text.trim() === '' ? Number.NaN : Number(text);
  return Number.isFinite(value) && value >= 0 ? value : undefined;
};

/** How long a shell's command line runs: its sleeps together; `for-ever` for one that loops or sleeps without end. */
export function commandSeconds(line: string): number | 'for-ever' | undefined {
  if (/\bsleep\s+inf|\bwhile\s+(?:true|:)|\btail\s+-f/.test(line)) return 'for-ever';
  const sleeps = [...line.matchAll(/\bsleep\s+(\d+(?:\.\d+)?)([smhd]?)(?![\w.])/g)];
  if (sleeps.length === 0) return undefined;
  return sleeps.reduce(
    (sum, [, count = '0', unit = '']) => sum + Number(count) * (unitSeconds[unit] ?? 1),
    0,
  );
}

function exitCodeOf(line: string): number {
  const [, code] = /\bexit\s+(\d{1,3})\b/.exec(line) ?? [];
  if (code !== undefined) return Number(code) % 256;
  return /^(?:\/(?:usr\/)?bin\/)?false\b/.test(line.trim()) ? 1 : 0;
}

/** What a container of this pod does, by its command, its place, and what the pod's annotations ask for. Pure. */
export function behaviourOf(pod: Pod, container: Container, place: 'init' | 'sidecar' | 'main'): Behaviour {
  const words = [...(container.command ?? []), ...(container.args ?? [])];
  const shell = /(?:^|\/)(?:ba|da|a)?sh$/.test(words[0] ?? '') && /^-\w*c$/.test(words[1] ?? '');
  const line = (shell ? words.slice(2) : words).join(' ');
  const asked = place === 'main' ? annotated(pod, behaviourAnnotations.runSeconds) : undefined;
  const exit = place === 'main' ? annotated(pod, behaviourAnnotations.exit) : undefined;
  const slept = commandSeconds(line);
  const isTask =
    (pod.spec.restartPolicy ?? 'Always') !== 'Always' ||
    pod.metadata.ownerReferences?.some(({ kind }) => kind === 'Job') === true;
  const own = (): number | undefined => {
    if (asked !== undefined) return asked;
    if (place === 'sidecar' || slept === 'for-ever') return undefined;
    if (slept !== undefined) return slept;
    if (place === 'init') return initSeconds;
    if (exit !== undefined || exitCodeOf(line) !== 0 || brief.test(line.trim())) return initSeconds;
    return isTask ? taskSeconds : undefined;
  };
  const runSeconds = own();
  return {
    ...(runSeconds === undefined ? {} : { runSeconds }),
    exitCode: exit ?? exitCodeOf(line),
    readyAfterSeconds:
      (place === 'main' ? annotated(pod, behaviourAnnotations.readyAfterSeconds) : undefined) ??
      container.readinessProbe?.initialDelaySeconds ??
      0,
    imageExists: !/does-not-exist|\bmissing\b/.test(container.image ?? ''),
  };
}
