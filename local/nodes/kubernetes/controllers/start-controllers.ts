import type { ClusterClock, ClusterObjects } from '../model.ts';
import { createCertificateController } from './certificate-requests.ts';
import { createClusterIndex } from './cluster-index.ts';
import type { Controller, ControllerContext, ControllerHooks } from './controller.ts';
import { createDaemonSetController } from './daemon-sets.ts';
import { createDeploymentController } from './deployments/deployment-controller.ts';
import { createDisruptionBudgetController } from './disruption-budgets.ts';
import { createEndpointsController } from './endpoints.ts';
import { createEventExpiry } from './event-expiry.ts';
import { createEventRecorder } from './event-recorder.ts';
import { createGarbageCollector } from './garbage-collection.ts';
import { createJobController } from './jobs.ts';
import { createNamespaceController } from './namespaces.ts';
import { createNodeLifecycle } from './node-lifecycle.ts';
import { createPodCollector } from './pod-collection.ts';
import { createPodRangeController } from './pod-ranges.ts';
import { createReplicaSetController } from './replica-sets.ts';
import { createScheduler } from './scheduler/scheduler.ts';
import { createTaintEviction } from './taint-eviction.ts';
import { createWorkLoop } from './work-loop.ts';

export interface Controllers {
  /** Does all that is due by the clock now before it returns: tests move time by hand. */
  settle(): void;
  stop(): void;
}

/** What others count on comes first: namespaces before what is in them, nodes before their pods. */
const everyController: readonly ((context: ControllerContext) => Controller)[] = [
  createNamespaceController,
  createPodRangeController,
  createNodeLifecycle,
  createTaintEviction,
  createDeploymentController,
  createReplicaSetController,
  createDaemonSetController,
  createJobController,
  createScheduler,
  createEndpointsController,
  createDisruptionBudgetController,
  createGarbageCollector,
  createPodCollector,
  createCertificateController,
  createEventExpiry,
];

/**
 * What kube-controller-manager and kube-scheduler do for one cluster, until it is stopped. It keeps nothing of its own that
 * matters: stopped and started again it goes on from what is stored.
 */
export function startControllers(options: {
  readonly objects: ClusterObjects;
  readonly clock: ClusterClock;
  readonly hooks: ControllerHooks;
  readonly log: (line: string) => void;
}): Controllers {
  const { objects, clock } = options;
  const loop = createWorkLoop(options);
  const index = createClusterIndex(objects);
  const context: ControllerContext = {
    ...options,
    index,
    recorder: (component) => createEventRecorder({ objects, clock, component }),
  };
  const controllers = everyController.map((create) => create(context));
  const stopListening = objects.listen((change) => {
    index.apply(change);
    for (const controller of controllers) {
      for (const key of controller.wokenBy(change)) loop.add(controller, key);
    }
  });
  for (const controller of controllers) for (const key of controller.keys()) loop.add(controller, key);
  return {
    settle: () => loop.settle(),
    stop: () => {
      stopListening();
      loop.close();
    },
  };
}
