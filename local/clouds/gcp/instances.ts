import type { SimulatedType } from '../catalogue.ts';
import type { StrangerRequest, WorldMachine } from '../world.ts';
import { nextPrivateAddress, nextPublicAddress, parseRange } from './addresses.ts';
import {
  alreadyExists,
  Failure,
  inUse,
  invalid,
  invalidField,
  missing,
  notFound,
  notReady,
  text,
} from './failure.ts';
import { checkScheduling, refused, userDataOf } from './instance-checks.ts';
import { fingerprint, linkTo, lastOf, pathOf } from './links.ts';
import type { Change } from './networks.ts';
import type { Operation, Operations } from './operations.ts';
import {
  checkDiskType,
  checkZone,
  imageAt,
  machineType,
  regionOfZone,
  type SimulatedImage,
} from './places.ts';
import {
  checkName,
  checkShape,
  diskShape,
  instanceShape,
  labelsShape,
  tagsShape,
  type Json,
} from './schema.ts';
import { tagItems, type State, type Stored } from './state.ts';

/** Unscaled seconds. */
const seconds = { refusal: 4, failure: 9, delete: 25, labels: 2, tags: 2, stop: 20, disk: 3 };

interface Wanted {
  readonly path: string;
  readonly name: string;
  readonly zone: string;
  readonly type: SimulatedType;
  readonly subnetwork: Stored;
  readonly image: SimulatedImage;
  readonly diskName: string;
  readonly diskType: string;
  readonly diskGib: number;
  readonly spot: boolean;
  readonly userData: string;
}

/** Machines and their disks. */
export class Instances {
  readonly #state: State;
  readonly #operations: Operations;

  constructor(state: State, operations: Operations) {
    this.#state = state;
    this.#operations = operations;
  }

  insert(change: Change): Operation {
    const wanted = this.#check(change);
    const { world } = this.#state;
    const refusal = world.refusal('gcp', wanted.type.name, wanted.type.vcpus);
    const target = { project: change.project, scope: change.scope, type: 'insert', target: wanted.path };
    if (refusal !== undefined) {
      // GCE accepts, works on it, and then says no: with capacity even after it has shown the instance for a while.
      const later = refusal === 'no-capacity-later';
      const endsAt = this.#state.after(later ? seconds.failure : seconds.refusal);
      if (later) this.#put(change, wanted, { goneAt: endsAt });
      return this.#operations.begin({ ...target, endsAt, error: refused(refusal, change.project, wanted) });
    }
    const hidden = world.takeFault('gcp', 'createMachine', { effects: ['hide'] });
    const readyAt = hidden === undefined ? world.now() : this.#state.after(hidden.seconds ?? 0);
    const machine = this.#put(change, wanted, { readyAt });
    return this.#operations.begin({ ...target, endsAt: Math.max(machine?.runningAt ?? 0, readyAt) });
  }

  delete(path: string): Operation {
    const stored = this.#state.visible(path);
    if (stored.body['deletionProtection'] === true)
      throw invalid(`Resource cannot be deleted if it's protected against deletion: '${path}'`);
    const { worldId } = stored;
    if (worldId === undefined) throw notReady(path);
    const machine = this.#state.world.terminate('gcp', worldId, seconds.delete);
    return this.#change(stored, 'delete', machine?.goneAt ?? this.#state.world.now());
  }

  stop(path: string): Operation {
    const stored = this.#state.visible(path);
    if (stored.worldId === undefined) throw notReady(path);
    this.#state.world.stop('gcp', stored.worldId);
    return this.#change(stored, 'stop', this.#state.after(seconds.stop));
  }

  setLabels(path: string, body: Json): Operation {
    checkShape(body, labelsShape, 'resource');
    const stored = this.#state.visible(path);
    const labels = stored.body['labels'] ?? {};
    if (body['labelFingerprint'] !== fingerprint(labels))
      throw new Failure(
        412,
        'conditionNotMet',
        'Labels fingerprint either invalid or resource labels have changed',
      );
    this.#state.change(path, { body: { ...stored.body, labels: body['labels'] ?? {} } });
    return this.#change(stored, 'setLabels', this.#state.after(seconds.labels));
  }

  setTags(path: string, body: Json): Operation {
    checkShape(body, tagsShape, 'resource');
    const stored = this.#state.visible(path);
    if (body['fingerprint'] !== fingerprint(tagItems(stored.body)))
      throw new Failure(
        412,
        'conditionNotMet',
        'Supplied fingerprint does not match current metadata fingerprint.',
      );
    const items = (body['items'] ?? []) as string[];
    for (const tag of items) checkName(tag, 'resource.items');
    this.#state.change(path, { body: { ...stored.body, tags: { items } } });
    return this.#change(stored, 'setTags', this.#state.after(seconds.tags));
  }

  insertDisk({ project, scope, body }: Change): Operation {
    checkShape(body, diskShape, 'resource');
    checkZone(project, scope.replace('zones/', ''));
    const path = `projects/${project}/${scope}/disks/${checkName(body['name'])}`;
    if (this.#state.find(path) !== undefined) throw alreadyExists(path);
    const readyAt = this.#state.after(seconds.disk);
    const { world } = this.#state;
    this.#state.put({
      path,
      project,
      scope,
      kind: 'disks',
      name: lastOf(path),
      body: {
        status: 'READY',
        sizeGb: '10',
        type: linkTo(`projects/${project}/${scope}/diskTypes/pd-balanced`),
        ...body,
      },
      createdAt: world.now(),
      readyAt,
      uses: [],
    });
    return this.#operations.begin({ project, scope, type: 'insert', target: path, endsAt: readyAt });
  }

  deleteDisk(path: string): Operation {
    const stored = this.#state.visible(path);
    const user = this.#state.users(path)[0];
    if (user !== undefined) throw inUse(path, 'disk', user.path);
    if (stored.goneAt !== undefined) throw notReady(path);
    const goneAt = this.#state.after(seconds.disk);
    this.#state.change(path, { goneAt });
    return this.#change(stored, 'delete', goneAt);
  }

  /** For the control endpoint: somebody's own machine in one of our networks, in whichever zone the subnet has first. */
  placeStranger({ networkId, name }: StrangerRequest): WorldMachine | undefined {
    const subnetwork = this.#state
      .users(networkId)
      .find((user) => user.kind === 'subnetworks' && user.goneAt === undefined);
    if (subnetwork === undefined) return undefined;
    const zone = `${subnetwork.scope.replace('regions/', '')}-a`;
    const change = { project: subnetwork.project, scope: `zones/${zone}` };
    const body: Json = {
      name,
      machineType: `zones/${zone}/machineTypes/e2-medium`,
      disks: [
        {
          boot: true,
          autoDelete: true,
          initializeParams: {
            sourceImage: 'projects/ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-amd64',
          },
        },
      ],
      networkInterfaces: [{ subnetwork: linkTo(subnetwork.path) }],
    };
    return this.#put({ ...change, body }, this.#check({ ...change, body }), {});
  }

  #change(stored: Stored, type: string, endsAt: number): Operation {
    return this.#operations.begin({
      project: stored.project,
      scope: stored.scope,
      type,
      target: stored.path,
      endsAt,
    });
  }

  #check({ project, scope, body }: Change): Wanted {
    checkShape(body, instanceShape, 'resource');
    const zone = scope.replace('zones/', '');
    checkZone(project, zone);
    const name = checkName(body['name']);
    const path = `projects/${project}/${scope}/instances/${name}`;
    if (body['machineType'] === undefined) throw missing('resource.machineType');
    const typePath = pathOf(body['machineType'], project, 'resource.machineType');
    const type = machineType(lastOf(typePath));
    if (type === undefined || !typePath.includes(`/${scope}/`)) throw notFound(typePath);
    const { spot } = checkScheduling(body);
    const boot = this.#bootDisk(project, scope, body, type);
    const subnetwork = this.#subnetwork(project, zone, body);
    for (const tag of tagItems(body)) checkName(tag, 'resource.tags.items');
    if (this.#state.find(path) !== undefined) throw alreadyExists(path);
    return { path, name, zone, type, subnetwork, spot, userData: userDataOf(body), ...boot };
  }

  #bootDisk(project: string, scope: string, body: Json, type: SimulatedType) {
    const disks = (body['disks'] ?? []) as Json[];
    const disk = disks[0];
    if (disk === undefined || disks.length !== 1 || disk['boot'] !== true)
      throw invalidField('resource.disks', disks, 'The simulator wants exactly one disk, the boot disk.');
    const parameters = (disk['initializeParams'] ?? {}) as Json;
    const source = parameters['sourceImage'];
    if (source === undefined) throw missing('resource.disks[0].initializeParams.sourceImage');
    const image = imageAt(pathOf(source, project, 'resource.disks[0].initializeParams.sourceImage'));
    if (image.architecture !== type.architecture)
      throw invalidField('resource.disks[0].initializeParams.sourceImage', source, `Not for ${type.name}.`);
    const diskGib = Number(parameters['diskSizeGb'] ?? image.gib);
    if (diskGib < image.gib || diskGib > 65_536)
      throw invalidField(
        'resource.disks[0].initializeParams.diskSizeGb',
        diskGib,
        `At least ${image.gib} GB.`,
      );
    const diskName = checkName(parameters['diskName'] ?? body['name'], 'initializeParams.diskName');
    const diskPath = `projects/${project}/${scope}/disks/${diskName}`;
    if (this.#state.find(diskPath) !== undefined) throw alreadyExists(diskPath);
    return {
      image,
      diskGib,
      diskName,
      diskType: checkDiskType(type.name, text(parameters['diskType'] ?? 'pd-standard')),
    };
  }

  #subnetwork(project: string, zone: string, body: Json): Stored {
    const nics = (body['networkInterfaces'] ?? []) as Json[];
    const nic = nics[0];
    if (nic === undefined) throw missing('resource.networkInterfaces');
    if (nics.length !== 1) throw invalidField('resource.networkInterfaces', nics.length, 'Exactly one here.');
    if (nic['subnetwork'] === undefined) throw missing('resource.networkInterfaces[0].subnetwork');
    const stored = this.#state.usable(
      pathOf(nic['subnetwork'], project, 'resource.networkInterfaces[0].subnetwork'),
    );
    if (stored.scope !== `regions/${regionOfZone(zone)}`)
      throw invalidField(
        'resource.networkInterfaces[0].subnetwork',
        stored.path,
        `Not in the region of ${zone}.`,
      );
    const network = nic['network'];
    if (
      network !== undefined &&
      !stored.uses.includes(pathOf(network, project, 'networkInterfaces[0].network'))
    )
      throw invalidField(
        'resource.networkInterfaces[0].network',
        network,
        'Not the network of the subnetwork.',
      );
    return stored;
  }

  #put(
    { project, scope, body }: Change,
    wanted: Wanted,
    life: { readonly readyAt?: number; readonly goneAt?: number },
  ): WorldMachine | undefined {
    const { world } = this.#state;
    const { path, name, zone, type, subnetwork } = wanted;
    const network = subnetwork.uses[0] ?? '';
    const neighbours = this.#state.all('instances').flatMap((one) => {
      const machine = this.#state.machine(one);
      return machine === undefined ? [] : [machine];
    });
    const privateAddress = nextPrivateAddress(
      parseRange(subnetwork.body['ipCidrRange'], 'ipCidrRange'),
      new Set(neighbours.filter((m) => m.networkId === network).map((m) => m.privateAddress)),
    );
    if (privateAddress === undefined)
      throw new Failure(
        403,
        'quotaExceeded',
        `IP_SPACE_EXHAUSTED: '${subnetwork.path}' has no free address.`,
      );
    const nic = ((body['networkInterfaces'] ?? []) as Json[])[0] ?? {};
    const access = ((nic['accessConfigs'] ?? []) as Json[])[0];
    const publicAddress =
      access === undefined ? '' : nextPublicAddress(new Set(neighbours.map((m) => m.publicAddress)));
    const now = world.now();
    const common = { project, scope, createdAt: now, readyAt: life.readyAt ?? now };
    const diskPath = `projects/${project}/${scope}/disks/${wanted.diskName}`;
    const disk = ((body['disks'] ?? []) as Json[])[0] ?? {};
    const autoDelete = disk['autoDelete'] === true;
    const machine =
      life.goneAt === undefined
        ? world.launch({
            cloud: 'gcp',
            id: this.#worldId(name, path),
            name,
            region: regionOfZone(zone),
            zone,
            instanceType: type.name,
            vcpus: type.vcpus,
            spot: wanted.spot,
            networkId: network,
            privateAddress,
            publicAddress,
            userData: wanted.userData,
          })
        : undefined;
    const {
      diskName: _d,
      sourceImage: _i,
      diskSizeGb: _g,
      diskType: _t,
      ...diskRest
    } = (disk['initializeParams'] ?? {}) as Json;
    this.#state.put({
      ...common,
      path,
      kind: 'instances',
      name,
      ...(machine === undefined ? {} : { worldId: machine.id }),
      ...(life.goneAt === undefined ? {} : { goneAt: life.goneAt }),
      uses: [subnetwork.path, diskPath],
      body: {
        ...body,
        machineType: linkTo(`projects/${project}/${scope}/machineTypes/${type.name}`),
        scheduling: {
          provisioningModel: 'STANDARD',
          automaticRestart: true,
          ...((body['scheduling'] ?? {}) as Json),
        },
        cpuPlatform: 'Unknown CPU Platform',
        disks: [
          {
            index: 0,
            boot: true,
            autoDelete,
            type: 'PERSISTENT',
            mode: 'READ_WRITE',
            source: linkTo(diskPath),
            diskSizeGb: String(wanted.diskGib),
            interface: 'SCSI',
          },
        ],
        networkInterfaces: [
          {
            name: 'nic0',
            network: linkTo(network),
            subnetwork: linkTo(subnetwork.path),
            networkIP: privateAddress,
            stackType: 'IPV4_ONLY',
            ...(access === undefined ? {} : { accessConfigs: [{ ...access, natIP: publicAddress }] }),
          },
        ],
      },
    });
    this.#state.put({
      ...common,
      path: diskPath,
      kind: 'disks',
      name: wanted.diskName,
      ...(autoDelete ? { goesWith: path } : {}),
      uses: [],
      body: {
        ...diskRest,
        status: 'READY',
        sizeGb: String(wanted.diskGib),
        type: linkTo(`projects/${project}/${scope}/diskTypes/${wanted.diskType}`),
        sourceImage: wanted.image.resource['selfLink'],
      },
    });
    return machine;
  }

  /** The instance's name; two of one name in different zones or projects cannot both have it. */
  #worldId(name: string, path: string): string {
    const taken = this.#state.world.living('gcp').some((machine) => machine.id === name);
    return taken ? path.replaceAll('/', '.') : name;
  }
}
