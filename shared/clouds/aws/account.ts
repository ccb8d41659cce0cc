import { GetCallerIdentityCommand, type STSClient } from '@aws-sdk/client-sts';
import type { AccountIdentity } from '../contract.ts';

/** The one call that every credential may make, in every account, and that names the account even when it is empty. */
export async function verifyAccount(sts: STSClient): Promise<AccountIdentity> {
  const { Account, Arn } = await sts.send(new GetCallerIdentityCommand({}));
  return { id: Account ?? '', name: Arn ?? '' };
}
