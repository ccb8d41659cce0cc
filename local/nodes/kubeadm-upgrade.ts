import { dump, load } from 'js-yaml';
import { installable } from './agent-settings.ts';
import { KubeadmFailed } from './kubeadm-failed.ts';
import type { NodeOnDisk } from './kubeadm.ts';
import type { ClusterObjects } from './kubernetes/model.ts';

/** Unscaled seconds that packages, images and the restart of the static pods take, about. */
const workSeconds = 90;

const minorOf = (version: string): number => Number(/^v1\.(\d+)\.\d+$/.exec(version)?.[1]);

/**
 * What the agent and kubeadm do on a control plane that is told to be of another version: the first one moves the cluster's
 * configuration (`upgrade apply`), the next follow it (`upgrade node`).
 *
 * @param wanted `1.37`, or a patch of it.
 * @param objects what the cluster's API holds; undefined: it does not answer.
 * @returns the node as it is then.
 * @throws KubeadmFailed as kubeadm fails: for another version than the next minor, and without a cluster that answers.
 */
export async function upgradeNode(options: {
  readonly wanted: string;
  readonly node: NodeOnDisk;
  readonly objects: () => ClusterObjects | undefined;
  readonly sleep: (seconds: number) => Promise<void>;
}): Promise<NodeOnDisk> {
  const { wanted, node, objects, sleep } = options;
  if (!/^1\.\d+(?:\.\d+)?$/.test(wanted)) throw new KubeadmFailed(`not a version: ${wanted}`);
  const version = installable(wanted);
  await sleep(workSeconds);
  const map = objects()?.get('configmaps', 'kubeadm-config', 'kube-system');
  if (map === undefined)
    throw new KubeadmFailed('[upgrade/config] FATAL: could not fetch kubeadm-config: timed out');
  const { ClusterConfiguration: text } = map['data'] as { ClusterConfiguration: string };
  const configuration = load(text) as { kubernetesVersion: string };
  const steps = minorOf(version) - minorOf(configuration.kubernetesVersion);
  if (steps < 0 || steps > 1)
    throw new KubeadmFailed(
      `[upgrade/version] FATAL: the --version argument is invalid due to these fatal errors: Specified version to upgrade to "${version}" is ${steps < 0 ? 'lower than' : 'at least one minor release ahead of what can be reached from'} the cluster version "${configuration.kubernetesVersion}"`,
    );
  if (steps === 1)
    objects()?.change('configmaps', 'kubeadm-config', 'kube-system', (object) => ({
      ...object,
      data: {
        ClusterConfiguration: dump({ ...configuration, kubernetesVersion: version }, { noRefs: true }),
      },
    }));
  return { ...node, version };
}

/**
 * The skew that Kubernetes and kubeadm allow between a joining machine and its cluster: a control plane is of the cluster's
 * minor, a kubelet never newer than its API servers and at most three minors older.
 *
 * @throws KubeadmFailed
 */
export function checkSkew(role: 'control-plane' | 'worker', machine: string, cluster: string): void {
  const behind = minorOf(cluster) - minorOf(machine);
  if (role === 'control-plane' ? behind === 0 : behind >= 0 && behind <= 3) return;
  throw new KubeadmFailed(
    `[ERROR KubeletVersion]: the machine has ${machine}, and the cluster's control plane is of ${cluster}`,
  );
}
