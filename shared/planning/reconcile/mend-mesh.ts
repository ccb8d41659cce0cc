import { meshDifferences, mendedMesh } from '../find-mesh-drift.ts';
import { isGoing, type Strategy } from './view.ts';

export const mendMesh: Strategy = {
  name: 'mesh',
  reason: 'who asks for a node that is gone, or knows one by an older key, waits for an answer in vain',
  decide: ({ cluster, mesh, nodes, now }) => {
    if (mesh === undefined || isGoing(cluster) || cluster.operation !== undefined) return [];
    const differences = meshDifferences({ mesh, nodes, now });
    const members = mendedMesh(mesh, differences);
    return members === undefined
      ? []
      : [
          {
            kind: 'mend-mesh',
            members,
            versionRead: mesh.version,
            because: differences.map(({ message }) => message).join('; '),
          },
        ];
  },
};
