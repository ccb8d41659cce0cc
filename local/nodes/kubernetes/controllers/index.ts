export type { CertificateAuthority, ControllerHooks } from './controller.ts';
export { deleteObject, removeWhenFree, type DeletionOptions } from './deletion.ts';
export { evictPod, type Eviction } from './eviction.ts';
export { podWithDefaults } from './new-pod.ts';
export { startControllers, type Controllers } from './start-controllers.ts';
