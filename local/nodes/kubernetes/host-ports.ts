import type { Container, Pod } from './controllers/shapes.ts';
import type { ClusterObjects } from './model.ts';

/** Who listens at a port of the machine itself. */
export interface HostPort {
  /** `ingress/nginx-7xk2p` */
  readonly pod: string;
  readonly isReady: boolean;
}

const listensAt =
  (port: number, onHostNetwork: boolean) =>
  ({ ports = [] }: Container): boolean =>
    ports.some(
      ({ containerPort, hostPort, protocol = 'TCP' }) =>
        protocol === 'TCP' && (hostPort === port || (onHostNetwork && containerPort === port)),
    );

/** The running pod that has this TCP port of its node: by the host's network, or by a host port. */
export function podAtHostPort(objects: ClusterObjects, node: string, port: number): HostPort | undefined {
  const pods = objects.list('pods') as readonly unknown[] as readonly Pod[];
  const pod = pods.find(
    ({ spec, status }) =>
      spec.nodeName === node &&
      status?.phase === 'Running' &&
      spec.containers.some(listensAt(port, spec['hostNetwork'] === true)),
  );
  if (pod === undefined) return undefined;
  const { metadata, status } = pod;
  return {
    pod: `${metadata.namespace ?? ''}/${metadata.name}`,
    isReady: status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true,
  };
}
