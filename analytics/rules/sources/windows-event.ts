// A Windows event turned to JSON by the usual tools (evtx, evtx_dump, EvtxECmd's payload, Chainsaw): Sigma names the fields of
// EventData and System alone, the event keeps them in their envelope.
// Sample: {"Event": {"System": {"Provider": {"#attributes": {"Name": "Microsoft-Windows-Sysmon"}}, "EventID": 1, "Channel": "..."},
//          "EventData": {"Image": "C:\\Windows\\System32\\cmd.exe", ...}}}
// Specification: Sigma 2.1, "Field Usage": spaces of names go; System's attributes are Provider_Name, Execution_ProcessID; Image is
// NewProcessName in the Security log.

type Node = Record<string, unknown>;
const isObject = (node: unknown): node is Node => typeof node === 'object' && node !== null && !Array.isArray(node);

// The Security log has other names for what Sysmon names; only where the event has no field of the name itself.
const OTHER_NAMES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '4688': {
    Image: 'NewProcessName',
    ParentImage: 'ParentProcessName',
    User: 'SubjectUserName',
    LogonId: 'SubjectLogonId',
  },
  '4657': { Details: 'NewValue', TargetObject: 'ObjectName', Image: 'ProcessName' },
};

/** What stands for a field in the envelope; nothing where the event is none of Windows. */
export function windowsField(event: unknown, name: string): unknown[] {
  if (!isObject(event)) return [];
  const body = isObject(event['Event']) ? event['Event'] : event;
  const system = body['System'];
  if (!isObject(system)) return [];
  const found = ofData(body, name);
  if (found.length > 0) return found;
  const ofSystem = inSystem(system, name);
  if (ofSystem.length > 0) return ofSystem;
  const other = OTHER_NAMES[String(scalar(system['EventID']))]?.[name];
  return other === undefined ? [] : ofData(body, other);
}

function ofData(body: Node, name: string): unknown[] {
  const maps = [
    body['EventData'],
    ...(isObject(body['UserData']) ? [body['UserData'], ...Object.values(body['UserData'])] : []),
  ];
  return maps.flatMap((map) => (isObject(map) ? inMap(map, name) : []));
}

function inMap(map: Node, name: string): unknown[] {
  if (Object.hasOwn(map, name)) return [scalar(map[name])];
  const spaced = Object.keys(map).filter((key) => key.includes(' ') && key.replaceAll(' ', '') === name);
  if (spaced.length > 0) return spaced.map((key) => scalar(map[key]));
  const data = map['Data'];
  const named = (Array.isArray(data) ? data : [data]).filter(isObject);
  return named.filter((entry) => attribute(entry, 'Name') === name).map(scalar);
}

function inSystem(system: Node, name: string): unknown[] {
  if (Object.hasOwn(system, name)) return [scalar(system[name])];
  const [tag = '', ...rest] = name.split('_');
  const attributeName = rest.join('_');
  if (attributeName === '') return [];
  const element = system[tag];
  const apart = system[`${tag}_attributes`];
  const value = isObject(apart)
    ? apart[attributeName]
    : isObject(element)
      ? attribute(element, attributeName)
      : undefined;
  return value === undefined ? [] : [value];
}

function attribute(element: Node, name: string): unknown {
  const attributes = element['#attributes'];
  if (isObject(attributes)) return attributes[name];
  return element[`@${name}`] ?? element[name];
}

// An element with attributes keeps its text apart.
function scalar(node: unknown): unknown {
  return isObject(node) && Object.hasOwn(node, '#text') ? node['#text'] : node;
}
