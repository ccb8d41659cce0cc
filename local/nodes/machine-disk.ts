import { generateKeyPairSync, randomBytes } from 'node:crypto';
import type { AgentPhase, SyncReply, SyncRequest } from '../../shared/domain/node-protocol.ts';
import type { NodeOnDisk } from './kubeadm.ts';
import type { MachineFiles } from './kubeadm-failed.ts';

/** What a machine keeps on its disk: it survives a reboot, and the local platform's restart. */
export interface MachineDisk {
  readonly sessionSecret: string;
  readonly wireguardPublicKey: string;
  readonly admitted: boolean;
  readonly phase: AgentPhase;
  readonly meshVersion: number;
  /** Overlay addresses that it knows a way to. */
  readonly peers: readonly string[];
  /** Instructions that were carried out: none is carried out twice. */
  readonly done: readonly string[];
  /** What the platform gave it for kubeadm. */
  readonly files: MachineFiles;
  /** The overlay addresses to which its hosts file leads the cluster's name. */
  readonly endpoints: readonly string[];
  /** From when kubeadm has made it a node. */
  readonly node?: NodeOnDisk;
  /** Told with every sync: the platform replaces the machine. */
  readonly failure?: NonNullable<SyncRequest['failure']>;
}

/** X25519 is what WireGuard's keys are; the last 32 bytes of the key's SPKI form are the key itself. */
export const newDisk = (): MachineDisk => ({
  sessionSecret: randomBytes(32).toString('hex'),
  wireguardPublicKey: generateKeyPairSync('x25519')
    .publicKey.export({ type: 'spki', format: 'der' })
    .subarray(-32)
    .toString('base64'),
  admitted: false,
  phase: 'booting',
  meshVersion: 0,
  peers: [],
  done: [],
  files: {},
  endpoints: [],
});

/** The mesh as a reply has it; nothing when it has none. */
export const meshOf = ({
  peers,
  neighbours = [],
  meshVersion,
}: SyncReply): Partial<Pick<MachineDisk, 'meshVersion' | 'peers'>> =>
  peers === undefined
    ? {}
    : {
        meshVersion,
        peers: [
          ...peers.map(({ allowedIps }) => allowedIps.replace(/\/32$/, '')),
          ...neighbours.map(({ overlayAddress }) => overlayAddress),
        ],
      };

/** `10.4.0.1:6443,10.4.0.2:6443` */
export const addressesOf = (endpoint: string): readonly string[] =>
  endpoint.split(',').map((each) => each.replace(/:\d+$/, ''));
