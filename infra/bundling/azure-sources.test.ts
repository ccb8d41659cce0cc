import { describe, expect, it } from 'vitest';
import {
  plainKnownValues,
  prunedClassFile,
  prunedClient,
  prunedGroupFile,
  prunedMappers,
} from './azure-sources.ts';

const classFile = `import * as Mappers from "../models/mappers.js";
export class ThingsImpl {
    client;
    constructor(client) {
        this.client = client;
    }
    /** Reads one. */
    get(name, options) {
        return this.client.sendOperationRequest({ name, options }, getOperationSpec);
    }
    list(options) {
        return this.listPagingAll(options);
    }
    async *listPagingAll(options) {
        yield* await this._list(options);
    }
    _list(options) {
        return this.client.sendOperationRequest({ options }, listOperationSpec);
    }
}
const serializer = coreClient.createSerializer(Mappers, /* isXml */ false);
const getOperationSpec = {
    bodyMapper: Mappers.Thing,
};
const listOperationSpec = {
    bodyMapper: Mappers.ThingList,
};
`;

describe('a class of operations', () => {
  it('keeps what is asked for and whatever that calls', () => {
    const kept = prunedClassFile(classFile, ['list'], 'things');
    for (const part of [
      'constructor(client)',
      'list(options)',
      '*listPagingAll',
      '_list(',
      'listOperationSpec = {',
    ])
      expect(kept).toContain(part);
    for (const part of ['get(name', 'getOperationSpec', 'Mappers.Thing,']) expect(kept).not.toContain(part);
  });

  it('is refused when the SDK no longer has what is asked for', () => {
    expect(() => prunedClassFile(classFile, ['fetch'], 'things')).toThrow('things has no fetch');
  });
});

describe('a client', () => {
  const client = `export class Client extends ServiceClient {
    constructor(options) {
        super(options);
        this.things = new ThingsImpl(this);
        this.wormholes =
            new WormholesImpl(this);
    }
    things;
    wormholes;
    checkSomething(name) {
        return name;
    }
}
`;
  it('keeps the groups asked for, and none of its own operations', () => {
    const kept = prunedClient(client, ['things'], 'client');
    expect(kept).toContain('this.things = new ThingsImpl(this);');
    expect(kept).not.toContain('WormholesImpl');
    expect(kept).not.toContain('checkSomething');
  });

  it('is refused without a group that is asked for', () => {
    expect(() => prunedClient(client, ['stars'], 'client')).toThrow('client has no operation group stars');
  });
});

it('a group of the newer SDKs keeps the methods asked for', () => {
  const source = `function _getThings(context) {
    return {
        get: (name, options) => get(context, name, options),
        beginPut: async (name, options) => {
            const poller = put(context, name, options);
            return poller;
        },
        list: (options) => list(context, options),
    };
}
`;
  expect(prunedGroupFile(source, ['list'], 'things')).toBe(`function _getThings(context) {
    return {
        list: (options) => list(context, options),
    };
}
`);
  expect(() => prunedGroupFile(source, ['fetch'], 'things')).toThrow('things has no fetch');
});

it('mappers keep what is named, in strings and by spreading, in their order', () => {
  const source = `export const Base = {
    type: { name: "Composite", className: "Base", modelProperties: {} }
};
export const Other = {
    type: { name: "Composite", className: "Other", modelProperties: {} }
};
export const Part = {
    type: { name: "Composite", className: "Part", modelProperties: {} }
};
export const Thing = {
    type: { name: "Composite", className: "Thing", modelProperties: { ...Base.type.modelProperties, part: { type: { className: "Part" } } } }
};
`;
  const kept = prunedMappers(source, '', ['body: Mappers.Thing']);
  expect([...kept.matchAll(/^export const (\w+)/gm)].map(([, name]) => name)).toEqual([
    'Base',
    'Part',
    'Thing',
  ]);
});

it('known values become plain objects', () => {
  const source = `export var KnownColour;
(function (KnownColour) {
    /** Red */
    KnownColour["Red"] = "RED";
    KnownColour["Blue"] = "BLUE";
})(KnownColour || (KnownColour = {}));
`;
  expect(plainKnownValues(source)).toBe('export const KnownColour = { "Red": "RED", "Blue": "BLUE" };\n');
});
