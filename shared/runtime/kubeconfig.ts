/** What issues people's access needs of shared/kubernetes. */
export { controlPlanesOf } from '../kubernetes/control-planes.ts';
export { buildKubeconfig, renderKubeconfig } from '../kubernetes/kubeconfig.ts';
