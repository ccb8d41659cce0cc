export { filesForControlPlaneJoin, filesForInit, filesForWorkerJoin } from '../kubernetes/node-files.ts';
