// The address as state: what a person chose goes into the browser's history, panning and zooming do not.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { type Address, readAddress, writeAddress } from '../data/address.ts';

// browsers refuse more than about a hundred changes of the address in ten seconds
const QUIET_MS = 250;

export type Navigate = (change: Partial<Address>) => void;

export function useAddress(): [Address, Navigate] {
  const [address, setAddress] = useState(() => readAddress(location.hash));
  const current = useRef(address);
  const pending = useRef(0);

  const navigate = useCallback<Navigate>((change) => {
    const before = current.current;
    const next = { ...before, ...change };
    current.current = next;
    setAddress(next);
    clearTimeout(pending.current);
    if (isStep(before, next)) history.pushState(null, '', writeAddress(next));
    else pending.current = window.setTimeout(() => history.replaceState(null, '', writeAddress(next)), QUIET_MS);
  }, []);

  useEffect(() => {
    const follow = () => {
      current.current = readAddress(location.hash);
      setAddress(current.current);
    };
    addEventListener('popstate', follow);
    return () => removeEventListener('popstate', follow);
  }, []);

  return [address, navigate];
}

function isStep(a: Address, b: Address): boolean {
  return a.chain !== b.chain || a.record !== b.record || a.step !== b.step || a.all !== b.all;
}
