/** What the platform may decide by itself. Empty: nothing but repair. Grows with the policies that are built. */
export interface Policies {
  readonly clusterLimits?: { readonly minVcpus?: number; readonly maxVcpus?: number };
}
