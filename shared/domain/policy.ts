/** How many vCPUs a cluster may have in all, control planes included. */
export interface ClusterLimits {
  readonly minVcpus?: number | undefined;
  readonly maxVcpus?: number | undefined;
}

/** What the platform may and may not do to a cluster. Empty: nothing but repair. Grows with the policies that are built. */
export interface Policies {
  readonly clusterLimits?: ClusterLimits | undefined;
}

/** What is wrong with policies, each with the field as people write it. */
export function policyProblems(
  policies: Policies,
): readonly { readonly field: string; readonly message: string }[] {
  const { minVcpus, maxVcpus } = policies.clusterLimits ?? {};
  const field = 'spec.policies.clusterLimits';
  const problems: { field: string; message: string }[] = [];
  for (const [name, value] of Object.entries({ minVcpus, maxVcpus })) {
    if (value !== undefined && (!Number.isInteger(value) || value < 1))
      problems.push({ field: `${field}.${name}`, message: 'is a whole number of vCPUs, at least 1' });
  }
  if (minVcpus !== undefined && maxVcpus !== undefined && minVcpus > maxVcpus)
    problems.push({ field: `${field}.minVcpus`, message: `must not be more than maxVcpus (${maxVcpus})` });
  return problems;
}
