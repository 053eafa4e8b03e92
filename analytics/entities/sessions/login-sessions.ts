// Login sessions of a node (ssh, console, cron) and the changes of account inside them (su, sudo), from audit records.
//
// The kernel numbers login sessions (ses) and keeps number and login uid (auid) on every process that comes of them. LOGIN tells that a
// number begins, USER_START and USER_LOGIN by which program, for whom and from where; USER_END or USER_LOGOUT that it ended. su and sudo
// write records of the same kinds under the number they were called in: those are told by their own pid.

/** A record as login-sessions.sql gives it. */
export interface LoginRecord {
  cluster: string;
  node: string;
  boot_id: string;
  at_us: number;
  serial: number;
  record: string;
  pid: number;
  auid: number;
  ses: number;
  old_ses: number;
  program: string;
  acct: string;
  terminal: string;
  address: string;
  succeeded: boolean;
  command: string;
  digest: string;
}

export interface Login {
  cluster: string;
  node: string;
  boot_id: string;
  session_id: string;
  kind: string;
  ses: number;
  auid: number;
  /** Of the program that opened it. */
  pid: number;
  account: string;
  terminal: string;
  address: string;
  command: string[];
  begun_us: number;
  /** 0: still open, or its end was not recorded. */
  ended_us: number;
  ended_by: '' | 'logout' | 'reboot';
  begin_digests: string[];
  end_digests: string[];
  /** The login session it began in, by the kernel's number; '' for one of its own. */
  parent_session: string;
}

const KINDS: Readonly<Record<string, string>> = {
  sshd: 'login-ssh',
  'sshd-session': 'login-ssh',
  dropbear: 'login-ssh',
  cron: 'login-cron',
  crond: 'login-cron',
  anacron: 'login-cron',
  atd: 'login-at',
  login: 'login-console',
  agetty: 'login-console',
  gdm: 'login-console',
  'gdm-session-worker': 'login-console',
  lightdm: 'login-console',
  sddm: 'login-console',
};
/** Programs that run something as another account; `su -l` and `runuser` are PAM clients as su is. */
const SWITCHES: Readonly<Record<string, string>> = {
  su: 'su',
  runuser: 'su',
  sudo: 'sudo',
  doas: 'sudo',
  pkexec: 'sudo',
};

/** @param records of any number of nodes, in any order */
export function assembleLogins(records: readonly LoginRecord[]): Login[] {
  const nodes = new Map<string, LoginRecord[]>();
  for (const r of records) {
    const node = nodes.get(`${r.cluster}\0${r.node}`);
    if (node === undefined) nodes.set(`${r.cluster}\0${r.node}`, [r]);
    else node.push(r);
  }
  return [...nodes.values()].flatMap((all) =>
    assembleNode(all.sort((a, b) => a.at_us - b.at_us || a.serial - b.serial)),
  );
}

function assembleNode(records: readonly LoginRecord[]): Login[] {
  const all: Login[] = [];
  const bySes = new Map<number, Login>();
  const byPid = new Map<number, Login>();
  let boot = '';
  const open = (r: LoginRecord, kind: string, name: string): Login => {
    const login: Login = {
      ...{ cluster: r.cluster, node: r.node, boot_id: r.boot_id, kind, ses: r.ses, auid: r.auid, pid: r.pid },
      session_id: `${name}@${Math.round(r.at_us / 1000)}`,
      ...{ account: '', terminal: '', address: '', command: [], begun_us: r.at_us, ended_us: 0, ended_by: '' },
      ...{ begin_digests: [r.digest], end_digests: [], parent_session: '' },
    };
    all.push(login);
    return login;
  };
  const endAll = (r: LoginRecord) => {
    for (const login of all) if (login.ended_us === 0) end(login, r, 'reboot');
    bySes.clear();
    byPid.clear();
  };
  for (const r of records) {
    const booted = r.record === 'SYSTEM_BOOT' || (boot !== '' && r.boot_id !== '' && r.boot_id !== boot);
    if (booted) endAll(r);
    if (r.boot_id !== '') boot = r.boot_id;
    if (!r.succeeded || r.record.startsWith('SYSTEM_')) continue;
    const switched = SWITCHES[r.program];
    if (switched !== undefined && r.record !== 'LOGIN') {
      takeSwitch(r, byPid, () => {
        const login = open(r, switched, `${switched}:${r.node}:${r.pid}`);
        login.parent_session = bySes.get(r.ses)?.session_id ?? '';
        return login;
      });
      continue;
    }
    if (r.ses < 0) continue;
    const known = bySes.get(r.ses);
    const begins = r.record === 'LOGIN' || known === undefined;
    // a number comes round again with the next boot only: what was open has ended unseen
    const login = begins ? open(r, 'login', `login:${r.node}:${r.ses}`) : known;
    if (begins) {
      bySes.set(r.ses, login);
      login.parent_session = bySes.get(r.old_ses)?.session_id ?? '';
    }
    takeLogin(login, r);
  }
  return all;
}

function takeLogin(login: Login, r: LoginRecord): void {
  describe(login, r);
  if (login.kind === 'login') login.kind = kindOf(r);
  const closes = r.record === 'USER_LOGOUT' || (r.record === 'USER_END' && r.pid === login.pid);
  if (closes) end(login, r, 'logout');
  // credentials are given back at the end; a later USER_END says it better
  else if (r.record === 'CRED_DISP' && r.pid === login.pid && login.ended_us === 0) end(login, r, 'logout');
  // sshd opens for a process of its own after LOGIN: whoever opened it closes it
  else if (r.record === 'USER_START' && login.begin_digests.length === 1 && r.at_us > login.begun_us) login.pid = r.pid;
  if ((r.record === 'USER_START' || r.record === 'USER_LOGIN') && !login.begin_digests.includes(r.digest))
    login.begin_digests.push(r.digest);
}

/** su and sudo: USER_CMD (sudo only), USER_START, USER_END, all of one pid. */
function takeSwitch(r: LoginRecord, byPid: Map<number, Login>, open: () => Login): void {
  const known = byPid.get(r.pid);
  if (r.record === 'USER_CMD' || r.record === 'USER_START') {
    const going = known !== undefined && known.ended_us === 0;
    const login = going ? known : open();
    if (going && !login.begin_digests.includes(r.digest)) login.begin_digests.push(r.digest);
    byPid.set(r.pid, login);
    // USER_CMD names who asks, USER_START whom he becomes
    if (r.record === 'USER_START') login.account = r.acct;
    login.terminal ||= r.terminal;
    login.address ||= r.address;
    if (r.command !== '') login.command = [r.command];
  } else if (known !== undefined && (r.record === 'USER_END' || r.record === 'CRED_DISP')) end(known, r, 'logout');
}

function describe(login: Login, r: LoginRecord): void {
  if (r.record !== 'USER_START' && r.record !== 'USER_LOGIN') return;
  login.account ||= r.acct;
  login.address ||= r.address;
  // USER_START of sshd knows no terminal yet and says "ssh"; USER_LOGIN tells it
  if (login.terminal === '' || r.terminal.startsWith('/dev/')) login.terminal = r.terminal || login.terminal;
}

function kindOf(r: LoginRecord): string {
  const byProgram = KINDS[r.program];
  if (byProgram !== undefined) return byProgram;
  if (r.terminal === 'ssh' || r.terminal === 'cron') return `login-${r.terminal}`;
  return /^\/dev\/tty\d/.test(r.terminal) ? 'login-console' : 'login';
}

function end(login: Login, r: LoginRecord, by: 'logout' | 'reboot'): void {
  login.ended_us = r.at_us;
  login.ended_by = by;
  login.end_digests = by === 'reboot' ? [r.digest] : [...login.end_digests, r.digest];
}
