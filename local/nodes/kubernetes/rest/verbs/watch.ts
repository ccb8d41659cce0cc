import { badRequest, expired, statusOf } from '../../errors.ts';
import { apiVersionOf } from '../../kinds.ts';
import type { KubernetesObject, ObjectChange } from '../../model.ts';
import type { ApiContext } from '../context.ts';
import { representationOf } from '../representation.ts';
import { isTrue, type ApiRequest, type Target } from '../request.ts';
import { selectorOf } from '../selectors.ts';

const bookmarkSeconds = 60;
/** As a real API server: between half an hour and an hour, so that not all watches begin anew at once. */
const defaultTimeoutSeconds = 1800;
const timeoutSecondsMax = 3600 * 24;

/** Where a watch's events go. */
export interface Sink {
  /** One JSON document, ended by a line break. */
  write(line: string): void;
  end(): void;
  onClose(listener: () => void): void;
}

interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: unknown;
}

/**
 * Checks what is asked, then returns what runs the watch. Timers live as long as it does.
 *
 * @throws ApiError BadRequest before anything is sent. A version that is forgotten is told by an ERROR event, as Kubernetes does.
 */
export function watch(context: ApiContext, request: ApiRequest, target: Target): (sink: Sink) => void {
  const { objects, history, clock } = context;
  const { kind, namespace, name } = target;
  const { query } = request;
  const asked = query.get('resourceVersion') ?? '';
  if (!/^\d*$/.test(asked)) throw badRequest(`resourceVersion: Invalid value: ${JSON.stringify(asked)}`);
  const selects = selectorOf(query, kind);
  const fits = (object: KubernetesObject): boolean =>
    (namespace === undefined || object.metadata.namespace === namespace) &&
    (name === undefined || object.metadata.name === name) &&
    selects(object);
  const sendInitial = query.has('sendInitialEvents')
    ? isTrue(query, 'sendInitialEvents')
    : asked === '' || asked === '0';
  const bookmarks = isTrue(query, 'allowWatchBookmarks');
  const timeoutSeconds = Math.min(
    Number(query.get('timeoutSeconds') ?? 0) || defaultTimeoutSeconds * (1 + Math.random()),
    timeoutSecondsMax,
  );

  return (sink) => {
    let isFirst = true;
    const send = (event: WatchEvent): void => sink.write(`${JSON.stringify(event)}\n`);
    const sendObject = (type: WatchEvent['type'], object: KubernetesObject): void => {
      send({ type, object: representationOf(request, kind, clock.now()).change(object, isFirst) });
      isFirst = false;
    };
    const bookmark = (annotations?: Readonly<Record<string, string>>): void =>
      send({
        type: 'BOOKMARK',
        object: {
          kind: kind.kind,
          apiVersion: apiVersionOf(kind),
          metadata: {
            resourceVersion: String(objects.resourceVersion),
            creationTimestamp: null,
            ...(annotations === undefined ? {} : { annotations }),
          },
        },
      });
    const tell = ({ type, plural, object, before }: ObjectChange): void => {
      if (plural !== kind.plural) return;
      const isIn = type !== 'DELETED' && fits(object);
      const wasIn = before !== undefined && fits(before);
      if (isIn) sendObject(wasIn ? 'MODIFIED' : 'ADDED', object);
      else if (wasIn) {
        const { resourceVersion } = object.metadata;
        const metadata = {
          ...before.metadata,
          ...(resourceVersion === undefined ? {} : { resourceVersion }),
        };
        sendObject('DELETED', { ...before, metadata });
      }
    };

    let missed: readonly ObjectChange[] = [];
    if (sendInitial) {
      for (const object of objects.list(kind.plural, namespace))
        if (fits(object)) sendObject('ADDED', object);
      if (query.has('sendInitialEvents') && bookmarks) bookmark({ 'k8s.io/initial-events-end': 'true' });
    } else if (asked !== '' && asked !== '0') {
      const known = history.since(Number(asked));
      if (known === undefined || Number(asked) > objects.resourceVersion) {
        send({
          type: 'ERROR',
          object: statusOf(expired(`too old resource version: ${asked} (${objects.resourceVersion})`)),
        });
        sink.end();
        return;
      }
      missed = known;
    }
    for (const change of missed) tell(change);

    const stop = objects.listen(tell);
    const bookmarkTimer = bookmarks ? setInterval(() => bookmark(), bookmarkSeconds * 1000) : undefined;
    const timer = setTimeout(() => sink.end(), timeoutSeconds * 1000);
    bookmarkTimer?.unref();
    timer.unref();
    sink.onClose(() => {
      stop();
      clearTimeout(timer);
      clearInterval(bookmarkTimer);
    });
  };
}
