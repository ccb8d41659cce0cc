/** What lies on a machine's disk, by path. */
export type MachineFiles = Readonly<Record<string, string>>;

/** kubeadm ended with an exit code; the message is what its log says last. */
export class KubeadmFailed extends Error {
  override readonly name = 'KubeadmFailed';
}
