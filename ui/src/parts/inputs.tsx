import { useEffect, useRef, useState } from "react";

import { Icon } from "./icons";

const PAUSE = 250;

type SearchProps = { value: string; label: string; placeholder: string; onChange: (text: string) => void };

/** Typing is answered at once; the server is asked when it pauses. */
export const SearchBox = ({ value, label, placeholder, onChange }: SearchProps) => {
  const [typed, type] = useState(value);
  const asked = useRef(value);
  const tell = useRef(onChange);
  tell.current = onChange;

  useEffect(() => {
    // "Back", or a link: the URL says something else than what was typed.
    if (value !== asked.current) {
      asked.current = value;
      type(value);
    }
  }, [value]);

  useEffect(() => {
    if (typed === asked.current) return;
    const timer = setTimeout(() => {
      asked.current = typed;
      tell.current(typed);
    }, PAUSE);
    return () => clearTimeout(timer);
  }, [typed]);

  return (
    <label className="asm-search">
      <span className="asm-hidden">{label}</span>
      <Icon name="search" />
      <input
        type="search"
        dir="auto"
        value={typed}
        maxLength={200}
        placeholder={placeholder}
        onChange={(event) => type(event.target.value)}
      />
    </label>
  );
};

type ChoiceProps = {
  label: string;
  all: string;
  value: string;
  values: string[];
  onChange: (value: string) => void;
};

export const Choice = ({ label, all, value, values, onChange }: ChoiceProps) => (
  <label className="asm-choice">
    <span className="asm-hidden">{label}</span>
    <select value={value} onChange={(event) => onChange(event.target.value)}>
      <option value="">{all}</option>
      {(values.includes(value) || !value ? values : [value, ...values]).map((each) => (
        <option key={each} value={each} dir="auto">
          {each.length > 80 ? `${each.slice(0, 79)}…` : each}
        </option>
      ))}
    </select>
  </label>
);
