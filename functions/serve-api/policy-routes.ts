import type { Hono } from 'hono';
import type { PoliciesChange, PoliciesView } from '../../shared/domain/api-types.ts';
import { mergePolicies, type PolicyChange } from '../../shared/domain/policy-change.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import type { PeopleEnvironment } from '../../shared/runtime/people-http/caller.ts';
import { findCluster } from '../../shared/runtime/people-http/find-cluster.ts';
import { Problem } from '../../shared/runtime/people-http/problem.ts';
import type { ApiDependencies } from './api.ts';
import { auditOf, changePolicies, policiesView, type PolicyEdit } from './change-policies.ts';
import { policiesDocument, policiesPatch } from './policies-document.ts';
import { readBody } from '../../shared/runtime/people-http/read-body.ts';
import { bodyOf, isDryRun, type ApiContext } from '../../shared/runtime/people-http/request.ts';

/** Changes policies, or says what would change, and has the audit log keep which fields were what before and after. */
export async function editPolicies(
  dependencies: ApiDependencies,
  context: ApiContext,
  what: Omit<PolicyEdit, 'dryRun'>,
): Promise<{
  readonly cluster: Cluster;
  readonly change: 'changed' | 'unchanged';
  readonly changes: readonly PolicyChange[];
}> {
  const dryRun = isDryRun(context);
  const { cluster, changes } = await changePolicies(dependencies, { ...what, dryRun });
  const audit = dryRun ? undefined : auditOf(changes);
  if (audit !== undefined) context.set('auditDetails', audit);
  return { cluster, change: changes.length === 0 ? 'unchanged' : 'changed', changes };
}

export function addPolicyRoutes(app: Hono<PeopleEnvironment>, dependencies: ApiDependencies): void {
  const path = '/clusters/:cluster/policies';
  const clusterOf = (context: ApiContext): Promise<Cluster> =>
    findCluster(dependencies.store, context.req.param('cluster') ?? '');
  const answer = (context: ApiContext, view: PoliciesView): Response => {
    context.header('etag', `"${view.version}"`);
    return context.json(view);
  };

  app.get(path, async (context) => answer(context, policiesView(await clusterOf(context))));

  app.put(path, async (context) => {
    const { text, type } = await bodyOf(context);
    const ifMatch = context.req.header('if-match');
    // It would undo a change that its writer has not seen.
    if (ifMatch === undefined)
      throw new Problem(428, 'If-Match: the ETag of the policies that are replaced, or * for whichever');
    const policies = readBody(text, type, policiesDocument);
    const cluster = await clusterOf(context);
    const { cluster: after, ...what } = await editPolicies(dependencies, context, {
      cluster,
      next: () => policies,
      within: '',
      ifMatch,
    });
    return answer(context, { ...policiesView(after), ...what } satisfies PoliciesChange);
  });

  app.patch(path, async (context) => {
    const { text, type } = await bodyOf(context);
    const patch = readBody(text, type, policiesPatch);
    const cluster = await clusterOf(context);
    const { cluster: after, ...what } = await editPolicies(dependencies, context, {
      cluster,
      next: (policies) => mergePolicies(policies, patch),
      within: '',
      ifMatch: context.req.header('if-match'),
    });
    return answer(context, { ...policiesView(after), ...what } satisfies PoliciesChange);
  });
}
