import { functionSpec } from '../../../infra/functions.ts';
import { Container, type Services } from './container.ts';
import { functions, type Handler } from './functions.ts';
import { Invocation } from './outside.ts';
import { secretIn } from './secrets.ts';

interface Sandbox {
  readonly container: Container;
  readonly handler: Handler;
}

const failure = (name: string, message: string): Error => Object.assign(new Error(message), { name });

/** How many outside calls a function makes, about: where in them it dies is drawn from this. */
const callsMax = 12;
const sandboxesMax = 3;
/** What Lambda does with an asynchronous call that failed: twice more. */
const asynchronousPausesSeconds = [60, 120] as const;

/** Lambda: runs functions in sandboxes that are used again, kills what takes too long, tries asynchronous calls again. */
export class Lambda {
  invocations = 0;
  readonly #services: Services;
  readonly #onSecret: (where: string, what: string) => void;
  readonly #idle = new Map<string, Sandbox[]>();

  constructor(services: Services, onSecret: (where: string, what: string) => void) {
    this.#services = services;
    this.#onSecret = onSecret;
  }

  /** The synchronous call: answers in JSON, or rejects with what the function threw. */
  invoke(name: string, event: unknown): Promise<unknown> {
    const { outside } = this.#services;
    const { time, random, faults, history } = outside;
    this.invocations += 1;
    return new Promise((resolve, reject) => {
      if (faults.strikes('invocationFails')) {
        history.note('fate', name, 'cannot be invoked');
        time.after(1, () => reject(failure('Lambda.TooManyRequestsException', 'no sandbox is free')));
        return;
      }
      const dies = faults.strikes('functionDies')
        ? { atCall: random.int(1, callsMax), when: random.pick(['before', 'after'] as const) }
        : undefined;
      const isAnswerLost = faults.strikes('invocationFails');
      const { timeoutSeconds } = functionSpec(name);
      let invocation: Invocation;
      const timer = time.after(timeoutSeconds, () => {
        history.note('fate', name, 'took too long');
        invocation.isOver = true;
        reject(failure('Sandbox.Timedout', `Task timed out after ${timeoutSeconds} seconds`));
      });
      invocation = new Invocation(name, dies, () => {
        timer.cancelled = true;
        time.after(0.1, () => reject(failure('Runtime.ExitError', 'the function died')));
      });
      const sandbox = this.#take(name);
      sandbox.container.current = invocation;
      if (faults.strikes('clockJumps'))
        time.after(random.between(0, 1), () => {
          history.note('fate', name, 'has its clock jump');
          sandbox.container.moveClock(random);
        });
      const end = (settle: () => void): void => {
        timer.cancelled = true;
        if (invocation.isOver) return;
        invocation.isOver = true;
        this.#give(name, sandbox);
        settle();
      };
      const succeed = (value: unknown): void =>
        end(() => {
          if (isAnswerLost) {
            history.note('fate', name, 'its answer is lost');
            reject(failure('Lambda.SdkClientException', 'the answer was lost'));
          } else resolve(this.#asJson(name, value));
        });
      const fail = (error: unknown): void =>
        end(() => {
          // As `plain` in observability.ts has it: name and message are all that leaves a function.
          const thrown = error instanceof Error ? error : failure('Error', String(error));
          this.#watch(name, thrown.message);
          reject(failure(thrown.name, thrown.message));
        });
      sandbox.handler(event).then(succeed, fail);
    });
  }

  /** The asynchronous call: tried three times, and then forgotten. */
  invokeLater(name: string, event: unknown, tries = 0): void {
    const { time, history } = this.#services.outside;
    this.invoke(name, event).catch((error: unknown) => {
      const pause = asynchronousPausesSeconds[tries];
      history.note(
        'lambda',
        name,
        'failed',
        String(error),
        pause === undefined ? 'and is given up' : `again in ${pause} s`,
      );
      if (pause !== undefined) time.after(pause, () => this.invokeLater(name, event, tries + 1));
    });
  }

  #take(name: string): Sandbox {
    const idle = this.#idle.get(name)?.pop();
    if (idle !== undefined) return idle;
    const make = functions[name];
    if (make === undefined) {
      const missing = `nobody knows the function ${name}: add it to platform/functions.ts`;
      this.#services.broken('the simulation is whole', missing);
      throw new Error(missing);
    }
    const container = new Container(name, this.#services);
    return { container, handler: make(container) };
  }

  #give(name: string, sandbox: Sandbox): void {
    const idle = this.#idle.get(name);
    if (idle === undefined) this.#idle.set(name, [sandbox]);
    else if (idle.length < sandboxesMax) idle.push(sandbox);
  }

  #asJson(name: string, value: unknown): unknown {
    if (value === undefined) return null;
    if (typeof value !== 'object') return value;
    const text = JSON.stringify(value);
    // Nodes' calls are answered to their machine alone.
    this.#watch(name, text);
    return JSON.parse(text) as unknown;
  }

  #watch(name: string, text: string): void {
    const secret = secretIn(text);
    if (secret !== undefined) this.#onSecret(`an answer of ${name}`, secret);
  }
}
