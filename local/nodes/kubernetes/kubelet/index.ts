export { startKubelet, type Kubelet } from './kubelet.ts';
export { allocatable, nodeObject, type KubeletNode } from './node-object.ts';
