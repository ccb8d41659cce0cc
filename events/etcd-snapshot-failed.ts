import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId, nodeNumber, reason, snapshot } from './fields.ts';

/** A control plane was told to upload what etcd holds, and could not, or said nothing of it in time. */
export const etcdSnapshotFailed = defineEvent({
  name: 'EtcdSnapshotFailed',
  sources: ['overcast.answer-node-sync'],
  schema: z.strictObject({ clusterId, number: nodeNumber, snapshot, reason }),
  example: {
    clusterId: exampleClusterId,
    number: 1,
    snapshot: '20261123T080000Z',
    reason: 'the upload was cut off',
  },
});
export type EtcdSnapshotFailed = Detail<typeof etcdSnapshotFailed>;
