/** The integrations that can be run here; anything else is refused when a machine is registered. */
export interface Resource {
  readonly resourceType: 'lambda';
  readonly resource: 'invoke' | 'invoke.waitForTaskToken';
  readonly waitsForToken: boolean;
}

const invoke = 'arn:aws:states:::lambda:invoke';

export const resources: ReadonlyMap<string, Resource> = new Map([
  [invoke, { resourceType: 'lambda', resource: 'invoke', waitsForToken: false }],
  [
    `${invoke}.waitForTaskToken`,
    { resourceType: 'lambda', resource: 'invoke.waitForTaskToken', waitsForToken: true },
  ],
]);

/** What `lambda:invoke` takes here. Qualifiers, asynchronous invocation and client contexts are not built. */
export const invokeArguments = ['FunctionName', 'Payload'];
