import {
  consumption,
  deadExecutions,
  eventRoutes,
  queueConsumer,
  receivesMax,
  nameReading,
  tick,
  timelineFunction,
  visibilitySeconds,
  type EventTarget,
} from '../../../infra/event-routes.ts';
import { functionSpec, type QueueName } from '../../../infra/functions.ts';
import type { Execution, StepFunctions } from '../states/step-functions.ts';
import type { Lambda } from './lambda.ts';
import type { Outside } from './outside.ts';
import { secretIn } from './secrets.ts';

interface Parts {
  readonly outside: Outside;
  readonly lambda: Lambda;
  readonly stepFunctions: StepFunctions;
  readonly onSecret: (where: string, what: string) => void;
}

interface Message {
  readonly id: string;
  readonly body: string;
  receives: number;
}

/** The bus with its rules, the queues with their consumers, and the schedule. */
export class Messaging {
  events = 0;
  messages = 0;
  readonly #parts: Parts;
  readonly #queues = new Map<QueueName, { waiting: Message[]; running: number }>();
  #number = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Rules on the bus: each target gets its own copy, and each copy has its own fate. */
  publish(source: string, name: string, detail: string): void {
    const { outside, onSecret } = this.#parts;
    this.events += 1;
    const secret = secretIn(detail);
    if (secret !== undefined) onSecret(`the event ${name}`, secret);
    outside.history.note('event', name, detail);
    this.#number += 1;
    const event = {
      id: `event-${this.#number}`,
      source,
      // Whole seconds, as the bus writes them.
      time: outside.time.now().replace(/\.\d+Z$/, 'Z'),
      'detail-type': name,
      detail: JSON.parse(detail) as Readonly<Record<string, unknown>>,
    };
    for (const { events, to } of eventRoutes)
      if (events.some((each) => each.name === name && each.sources.includes(source)))
        this.#deliver(name, () => this.#hand(to, event));
    this.#deliver(name, () => this.#parts.lambda.invokeLater(timelineFunction, event));
  }

  #hand(to: EventTarget, event: { readonly detail: Readonly<Record<string, unknown>> }): void {
    const { lambda, stepFunctions } = this.#parts;
    if ('machine' in to) stepFunctions.start(to.machine, event.detail);
    else if ('function' in to) lambda.invokeLater(to.function, event);
    else this.send(to.queue, [JSON.stringify(event)]);
  }

  /** Step Functions' own word that an execution did not end well. */
  executionEnded(execution: Execution): void {
    if (!(deadExecutions.statuses as readonly string[]).includes(execution.status)) return;
    this.#deliver(`${execution.status} of ${execution.arn}`, () => {
      this.#parts.lambda.invokeLater(deadExecutions.function, {
        source: 'aws.states',
        'detail-type': 'Step Functions Execution Status Change',
        detail: {
          executionArn: execution.arn,
          status: execution.status,
          input: JSON.stringify(execution.input),
        },
      });
    });
  }

  #deliver(what: string, hand: () => void): void {
    const { time, random, faults, history } = this.#parts.outside;
    if (faults.strikes('eventLost')) {
      history.note('fate', what, 'is lost');
      return;
    }
    const delay = (): number =>
      faults.strikes('eventLate') ? random.between(5, 900) : random.between(0.05, 0.6);
    time.after(delay(), hand);
    if (!faults.strikes('eventTwice')) return;
    history.note('fate', what, 'comes twice');
    time.after(random.chance(0.5) ? delay() : random.between(1, 600), hand);
  }

  send(queue: QueueName, bodies: readonly string[], afterSeconds = 0): void {
    const { outside, onSecret } = this.#parts;
    const { time, random, faults } = outside;
    for (const body of bodies) {
      this.messages += 1;
      const secret = secretIn(body);
      if (secret !== undefined) onSecret(`a message of ${queue}`, secret);
      this.#number += 1;
      const message = { id: `message-${this.#number}`, body, receives: 0 };
      const delay =
        afterSeconds + (faults.strikes('messageLate') ? random.between(5, 600) : random.between(0.02, 0.2));
      time.after(delay, () => this.#arrive(queue, message));
      if (faults.strikes('messageTwice'))
        time.after(delay + random.between(0.1, 30), () => this.#arrive(queue, { ...message }));
    }
  }

  #arrive(name: QueueName, message: Message): void {
    let queue = this.#queues.get(name);
    if (queue === undefined) this.#queues.set(name, (queue = { waiting: [], running: 0 }));
    queue.waiting.push(message);
    this.#consume(name, queue);
  }

  #consume(name: QueueName, queue: { waiting: Message[]; running: number }): void {
    if (queue.running >= consumption(name).concurrencyMax || queue.waiting.length === 0) return;
    const { time } = this.#parts.outside;
    const consumer = queueConsumer(name);
    const visibleAgainMs = time.nowMs + visibilitySeconds(functionSpec(consumer).timeoutSeconds) * 1000;
    const batch = queue.waiting.splice(0, consumption(name).batchSize);
    queue.running += 1;
    const settle = (failed: ReadonlySet<string>): void => {
      queue.running -= 1;
      for (const message of batch) {
        if (!failed.has(message.id)) continue;
        message.receives += 1;
        if (message.receives < receivesMax)
          time.after((visibleAgainMs - time.nowMs) / 1000, () => this.#arrive(name, message));
      }
      this.#consume(name, queue);
    };
    const Records = batch.map(({ id, body }) => ({ messageId: id, body }));
    const succeeded = (answer: unknown): void => {
      const { batchItemFailures } = answer as { batchItemFailures: readonly { itemIdentifier: string }[] };
      settle(new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)));
    };
    const failed = (): void => settle(new Set(batch.map(({ id }) => id)));
    this.#parts.lambda.invoke(consumer, { Records }).then(succeeded, failed);
  }

  /** The schedule, from now on. */
  startTicking(): void {
    const { time, random, faults } = this.#parts.outside;
    const strike = (): void => this.#parts.lambda.invokeLater(tick.function, {});
    if (!faults.strikes('tickLost')) strike();
    if (faults.strikes('tickTwice')) time.after(random.between(0, 30), strike);
    time.after(tick.everyMinutes * 60, () => this.startTicking());
  }

  /** The other schedule, where there is a hosted zone. */
  startLookingAtNames(): void {
    const { time } = this.#parts.outside;
    this.#parts.lambda.invokeLater(nameReading.function, {});
    time.after(nameReading.everyMinutes * 60, () => this.startLookingAtNames());
  }
}
