export {
  filesForControlPlaneJoin,
  filesForInit,
  filesForRestore,
  filesForWorkerJoin,
} from '../kubernetes/node-files.ts';
