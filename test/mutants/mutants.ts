/** The product made wrong in one place, and the test that must notice. */
export interface Mutant {
  /** As `--only` takes it. */
  readonly name: string;
  /** What the product would no longer do right. */
  readonly breaks: string;
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  readonly caughtBy: {
    readonly file: string;
    /** Its full name, as the runner shows it: `describe > test`. */
    readonly test: string;
  };
}

export const mutants: readonly Mutant[] = [
  {
    name: 'guard-removed',
    breaks: 'a cluster is deleted whoever stands in its networks',
    file: 'infra/workflows/cleanup-cluster.ts',
    find: `{ when: "$count($strangers) = 0 and $reason = ''", next: 'Fence' }`,
    replace: `{ when: 'true', next: 'Fence' }`,
    caughtBy: {
      file: 'test/infra/workflow-removal.test.ts',
      test: 'CleanupCluster > a stranger: the deletion is blocked and NOTHING else is called',
    },
  },
  {
    name: 'client-token-dropped',
    breaks: 'a create that is repeated makes a second machine',
    file: 'functions/drive-cloud/verbs/create-machine.ts',
    find: 'token: attemptToken(node.id, attempt),',
    replace: 'token: attemptToken(`${node.id}${Math.random()}`, attempt),',
    caughtBy: {
      file: 'functions/drive-cloud/drive.test.ts',
      test: 'createMachine > makes one machine and records it, wherever it is cut',
    },
  },
  {
    name: 'lease-ignored',
    breaks: 'control planes join whether or not another is joining',
    file: 'shared/store/clusters.ts',
    find: 'when: `(attribute_not_exists(#${claim}Node) OR ',
    replace: 'when: `(attribute_exists(#pk) OR attribute_not_exists(#${claim}Node) OR ',
    caughtBy: {
      file: 'shared/store/clusters.test.ts',
      test: 'the join lease > is one control plane’s at a time',
    },
  },
  {
    name: 'grace-time-zero',
    breaks: 'a machine in flight is taken for stray',
    file: 'shared/planning/find-strays.ts',
    find: 'export const strayGraceSeconds = 600;',
    replace: 'export const strayGraceSeconds = 0;',
    caughtBy: { file: 'shared/planning/plan-repairs.test.ts', test: 'repairs > not when it is young' },
  },
  {
    name: 'second-verify-dropped',
    breaks: 'a cluster is buried after one look',
    file: 'infra/workflows/cleanup-cluster.ts',
    find: `WasFirstClear: afterLook('WaitBetweenLooks'),`,
    replace: `WasFirstClear: afterLook('Bury'),`,
    caughtBy: {
      file: 'test/infra/workflow-removal.test.ts',
      test: 'CleanupCluster > guard, fence, collapse everywhere, two looks, burial',
    },
  },
  {
    name: 'tags-not-checked',
    breaks: 'a machine is deleted by its id, whoever’s tags it carries',
    file: 'shared/clouds/aws/machines.ts',
    find: 'const foreign = instances.find((instance) => !isOwnedBy(instance.Tags, owner));',
    replace: 'const foreign = instances.find((instance) => owner.clusterId === instance.InstanceId);',
    caughtBy: {
      file: 'test/contract/aws.test.ts',
      test: 'deleting a machine that does not carry our tags is InvalidRequest, and it lives',
    },
  },
  {
    name: 'init-claim-moves',
    breaks: 'another control plane inits while the first may still be at it',
    file: 'shared/planning/next-instruction.ts',
    find: 'return isGone(claimant, numbered(claimant.number))',
    replace: 'return claimant !== undefined',
    caughtBy: {
      file: 'shared/planning/next-instruction.test.ts',
      test: 'before anything is initialised > another while the holder lives: wait',
    },
  },
  {
    name: 'unknown-is-missing',
    breaks: 'what nobody looked at lately is taken for gone',
    file: 'shared/planning/find-drift.ts',
    find: 'sightings.filter(({ at }) => secondsBetween(at, now) <= sightingSecondsMax);',
    replace: 'sightings.filter(({ at }) => secondsBetween(at, now) > -1);',
    caughtBy: {
      file: 'shared/planning/find-drift.test.ts',
      test: 'a machine > of an older observation is unknown, and unknown is never missing',
    },
  },
  {
    name: 'fence-without-request',
    breaks: 'a cluster is fenced that nobody asked to delete',
    file: 'shared/store/clusters.ts',
    find: `when: 'attribute_exists(#deletionRequestedAt) AND #status <> :deleted',`,
    replace: `when: '#status <> :deleted',`,
    caughtBy: {
      file: 'shared/store/clusters.test.ts',
      test: 'deletion > is fenced only when it was requested, and takes the operation over',
    },
  },
  {
    name: 'backoff-dropped',
    breaks: 'what cannot be mended is tried again with every look',
    file: 'shared/planning/reconcile/view.ts',
    find: 'if (isSame && sinceOver < 0) return [];',
    replace: '',
    caughtBy: {
      file: 'shared/planning/reconcile.test.ts',
      test: 'drift > is not said before its time',
    },
  },
  {
    name: 'stray-after-one-sweep',
    breaks: 'a stray machine is deleted by the first sweep that sees it',
    file: 'shared/planning/find-strays.ts',
    find: 'export const strayPatienceSeconds = 300;',
    replace: 'export const strayPatienceSeconds = 0;',
    caughtBy: {
      file: 'shared/planning/plan-repairs.test.ts',
      test: 'repairs > not before it was seen in two sweeps',
    },
  },
  {
    name: 'surplus-not-collected',
    breaks: 'the machine of a create that was carried out too late stays beside its node’s own',
    file: 'shared/planning/plan-repairs.ts',
    find: 'isSurplusMachine(machine, { cloud, nodes }) ||',
    replace: '',
    caughtBy: {
      file: 'functions/drive-cloud/drive.test.ts',
      test: 'repair > removes the machine of a create that was carried out after its attempt had been given up',
    },
  },
  {
    name: 'member-not-forgotten',
    breaks: 'a lost control plane stays a member of etcd and counts against the quorum',
    file: 'shared/planning/forget-member.ts',
    find: 'if (isRestoring(cluster)) return false;',
    replace: 'if (nodes.length >= 0) return false;',
    caughtBy: {
      file: 'shared/planning/forget-member.test.ts',
      test: 'a control plane that goes > is forgotten by one that serves',
    },
  },
  {
    name: 'wish-not-read-again',
    breaks: 'a machine that was made while its cluster was fenced is left behind',
    file: 'functions/drive-cloud/verbs/create-machine.ts',
    find: 'await goIfUnwanted(parts, wanted, request, attempt.attempt);',
    replace: 'void goIfUnwanted;',
    caughtBy: {
      file: 'functions/drive-cloud/drive.test.ts',
      test: 'createMachine > takes the machine down again when its cluster was fenced while it was made, whatever the node’s mark says yet',
    },
  },
  {
    name: 'session-not-bound',
    breaks: 'a second machine is admitted with the bootstrap token of the first',
    file: 'shared/store/nodes.ts',
    find: `const bound = '(attribute_not_exists(#sessionHash) OR #sessionHash = :hash)';`,
    replace: `const bound = '(attribute_exists(#pk) OR #sessionHash = :hash)';`,
    caughtBy: {
      file: 'shared/store/nodes.test.ts',
      test: 'admission > binds the first of many secrets, which may be shown again',
    },
  },
  {
    name: 'breaker-dropped',
    breaks: 'a cloud that looks lost as a whole is replaced as a whole',
    file: 'shared/planning/find-losses.ts',
    find: 'return lost >= pausedFrom && lost * 3 > here.length ?',
    replace: 'return lost >= pausedFrom && lost > here.length ?',
    caughtBy: {
      file: 'shared/planning/find-losses.test.ts',
      test: 'much at once in one cloud > 3 of 3: paused true',
    },
  },
  {
    name: 'names-of-others-deleted',
    breaks: 'whatever has an address under a cluster’s name is taken for its own and deleted',
    file: 'shared/planning/compare-dns.ts',
    find: 'const own = seen.records.filter((record) => isRecordOf(clusterId, record));',
    replace: 'const own = seen.records;',
    caughtBy: {
      file: 'shared/planning/compare-dns.test.ts',
      test: 'what is as it should be > is not disturbed by what others have in the zone and in the account',
    },
  },
];

/** The mutant's file with its one change. @throws when what it replaces does not stand there exactly once. */
export function mutate({ name, file, find, replace }: Mutant, text: string): string {
  const parts = text.split(find);
  if (parts.length !== 2)
    throw new Error(
      `the mutant ${name} no longer applies: ${file} has ${parts.length - 1} times what it replaces: ${find}`,
    );
  return parts.join(replace);
}
