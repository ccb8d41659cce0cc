import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId, nodeNumber, snapshot } from './fields.ts';

/** A control plane uploaded what etcd held. */
export const etcdSnapshotTaken = defineEvent({
  name: 'EtcdSnapshotTaken',
  sources: ['overcast.answer-node-sync'],
  schema: z.strictObject({ clusterId, number: nodeNumber, snapshot }),
  example: { clusterId: exampleClusterId, number: 1, snapshot: '20261123T080000Z' },
});
export type EtcdSnapshotTaken = Detail<typeof etcdSnapshotTaken>;
