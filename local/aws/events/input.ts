import { isJson } from '../wire.ts';

/** How a target wants the event: at most one of the three. */
export interface InputSettings {
  readonly Input?: string | undefined;
  readonly InputPath?: string | undefined;
  readonly InputTransformer?:
    | {
        readonly InputPathsMap?: Readonly<Record<string, string>> | undefined;
        readonly InputTemplate: string;
      }
    | undefined;
}

export interface BusEvent {
  readonly version: '0';
  readonly id: string;
  readonly 'detail-type': string;
  readonly source: string;
  readonly account: string;
  readonly time: string;
  readonly region: string;
  readonly resources: readonly string[];
  readonly detail: Readonly<Record<string, unknown>>;
}

/** `$.detail.nodes[0].id`: EventBridge knows fields and list positions only. */
export function atPath(event: unknown, path: string): unknown {
  if (!path.startsWith('$')) throw new Error(`${path} is no path`);
  let value = event;
  for (const [, name, quoted, index] of path
    .slice(1)
    .matchAll(/\.([^.[\]]+)|\[['"]([^'"]+)['"]\]|\[(\d+)\]/g)) {
    if (index !== undefined) value = Array.isArray(value) ? value[Number(index)] : undefined;
    else value = isJson(value) ? value[name ?? quoted ?? ''] : undefined;
  }
  return value;
}

/** JSON for the target: the whole event unless its settings say otherwise. */
export function inputFor(
  event: BusEvent,
  settings: InputSettings,
  rule: { readonly name: string; readonly arn: string; readonly ingestedAt: string },
): unknown {
  if (settings.Input !== undefined) return parsed(settings.Input);
  if (settings.InputPath !== undefined) return atPath(event, settings.InputPath) ?? null;
  if (settings.InputTransformer === undefined) return event;
  const { InputPathsMap = {}, InputTemplate } = settings.InputTransformer;
  const variables: Record<string, unknown> = {
    'aws.events.rule-arn': rule.arn,
    'aws.events.rule-name': rule.name,
    'aws.events.event.ingestion-time': rule.ingestedAt,
    'aws.events.event': event,
    'aws.events.event.json': event,
    ...Object.fromEntries(Object.entries(InputPathsMap).map(([name, path]) => [name, atPath(event, path)])),
  };
  return parsed(fill(InputTemplate, variables));
}

/** A template that is no JSON is plain text, and goes to the target as a JSON string. */
const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

/** Replaces `<name>`: as JSON where a value stands, as bare text inside quotes. What is absent becomes null, or nothing. */
function fill(template: string, variables: Readonly<Record<string, unknown>>): string {
  let inQuotes = false;
  return template.replaceAll(/\\.|"|<([A-Za-z0-9_.-]+)>/g, (found, name: string | undefined) => {
    if (found === '"') inQuotes = !inQuotes;
    if (name === undefined) return found;
    const value = variables[name];
    if (!inQuotes) return JSON.stringify(value ?? null);
    if (value === undefined) return '';
    const bare = typeof value === 'string' ? value : JSON.stringify(value);
    return JSON.stringify(bare).slice(1, -1);
  });
}
