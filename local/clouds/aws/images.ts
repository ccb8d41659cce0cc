import { createHash } from 'node:crypto';
import { ApiError, invalid } from './wire.ts';

export interface Image {
  readonly id: string;
  readonly architecture: 'x86_64' | 'arm64';
}

/** Canonical's public parameters. Source: documentation.ubuntu.com/aws, "Find Ubuntu images", parameter store. */
const ubuntu =
  /^\/aws\/service\/canonical\/ubuntu\/server\/(?:22|24)\.04\/stable\/(?:current|\d+(?:\.\d+)?)\/(amd64|arm64)\/hvm\/ebs-gp[23]\/ami-id$/;

/** An AMI's id, or `resolve:ssm:` and the name of a parameter that holds one. */
export function image(text: string): Image {
  if (text.startsWith('resolve:ssm:')) {
    const found = ubuntu.exec(text.slice('resolve:ssm:'.length));
    if (found === null)
      throw invalid(`Invalid value '${text}' for ImageId: the Systems Manager parameter was not found`);
    const id = `ami-0${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;
    return { id, architecture: found[1] === 'arm64' ? 'arm64' : 'x86_64' };
  }
  if (!/^ami-[0-9a-f]{8,17}$/.test(text))
    throw new ApiError('InvalidAMIID.Malformed', `Invalid id: "${text}" (expecting "ami-...")`);
  return { id: text, architecture: 'x86_64' };
}
