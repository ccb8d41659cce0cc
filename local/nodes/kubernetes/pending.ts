// Stand-ins until api-server.ts, controllers/ and kubelet/ are there.
import type { Duplex } from 'node:stream';

export const isPending: boolean = true;

export interface ClusterApi {
  accept(socket: Duplex, credentials: object): void;
  close(): void;
}
export const createClusterApi = (_options: object): ClusterApi => ({
  accept: (socket) => void socket.destroy(),
  close: () => {},
});
export interface Controllers {
  stop(): void;
}
export const startControllers = (_options: object): Controllers => ({ stop: () => {} });
export type Kubelet = Controllers;
export interface KubeletNode {
  readonly name: string;
}
export const startKubelet = (_options: object): Kubelet => ({ stop: () => {} });
export const nodeObject = (_node: KubeletNode): object => ({});
