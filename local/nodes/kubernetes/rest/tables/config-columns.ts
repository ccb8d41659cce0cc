import { listOf, numberOf, recordOf, textOf } from '../../json.ts';
import type { KubernetesObject, Plural } from '../../model.ts';
import { lastSeen } from '../event-versions.ts';
import { age, since, specOf, statusOf, unknown, type Column } from './column.ts';

const ageColumn: Column = { name: 'Age', cell: age };

const entries =
  (...fields: readonly string[]) =>
  (object: KubernetesObject): number =>
    fields.reduce((sum, field) => sum + Object.keys(recordOf(object[field])).length, 0);

const eventObject = (event: KubernetesObject): string => {
  const { kind, name } = recordOf(event['involvedObject']);
  return `${textOf(kind).toLowerCase()}/${textOf(name)}`;
};

const timesSeen = (event: KubernetesObject): number =>
  numberOf(recordOf(event['series'])['count']) || numberOf(event['count']) || 1;

export const configColumns: Readonly<Record<Plural, readonly Column[]>> = {
  configmaps: [{ name: 'Data', cell: entries('data', 'binaryData') }, ageColumn],
  secrets: [
    { name: 'Type', cell: (object) => textOf(object['type']) },
    { name: 'Data', type: 'integer', cell: entries('data') },
    ageColumn,
  ],
  namespaces: [{ name: 'Status', cell: (object) => textOf(statusOf(object)['phase']) }, ageColumn],
  leases: [{ name: 'Holder', cell: (object) => textOf(specOf(object)['holderIdentity']) }, ageColumn],
  events: [
    { name: 'Last Seen', cell: (event, now) => since(lastSeen(event), now) },
    { name: 'Type', cell: (event) => textOf(event['type']) },
    { name: 'Reason', cell: (event) => textOf(event['reason']) },
    { name: 'Object', cell: eventObject },
    {
      name: 'Subobject',
      priority: 1,
      cell: (event) => textOf(recordOf(event['involvedObject'])['fieldPath']),
    },
    {
      name: 'Source',
      priority: 1,
      cell: (event) => {
        const { component, host } = recordOf(event['source']);
        const from = textOf(component) || textOf(event['reportingComponent']);
        return textOf(host) === '' ? from : `${from}, ${textOf(host)}`;
      },
    },
    { name: 'Message', cell: (event) => textOf(event['message']).trim() },
    {
      name: 'First Seen',
      priority: 1,
      cell: (event, now) => since(event['firstTimestamp'] ?? event['eventTime'], now),
    },
    { name: 'Count', priority: 1, cell: timesSeen },
    { name: 'Name', priority: 1, format: 'name', cell: ({ metadata: { name } }) => name },
  ],
  certificatesigningrequests: [
    ageColumn,
    { name: 'SignerName', cell: (object) => textOf(specOf(object)['signerName']) },
    { name: 'Requestor', cell: (object) => textOf(specOf(object)['username']) },
    {
      name: 'RequestedDuration',
      cell: (object) => {
        const seconds = specOf(object)['expirationSeconds'];
        return typeof seconds === 'number' ? `${seconds}s` : '<none>';
      },
    },
    { name: 'Condition', cell: requestState },
  ],
};

function requestState(request: KubernetesObject): string {
  const types = listOf(statusOf(request)['conditions']).map((each) => textOf(each['type']));
  const words = ['Approved', 'Denied', 'Failed'].filter((each) => types.includes(each));
  if (textOf(statusOf(request)['certificate']) !== '') words.push('Issued');
  return words.length === 0 ? (types.length === 0 ? 'Pending' : unknown) : words.join(',');
}
