// Card numbers, dates and security codes: recognized, grouped, checked. Pure functions; what they
// are given goes nowhere.
"use strict";
const Cards = (() => {
  // First digits from and to, in the order in which they are tried; the server has the same table.
  const RANGES = [
    ["visa", "4", "4"],
    ["mastercard", "51", "55"],
    ["mastercard", "2221", "2720"],
    ["amex", "34", "34"],
    ["amex", "37", "37"],
    ["discover", "6011", "6011"],
    ["discover", "644", "649"],
    ["rupay", "60", "60"],
    ["rupay", "65", "65"],
    ["rupay", "81", "89"],
    ["diners", "300", "305"],
    ["diners", "36", "36"],
    ["diners", "38", "39"],
    ["jcb", "3528", "3589"],
  ];
  const LENGTHS = { visa: [13, 16, 19], mastercard: [16], amex: [15], diners: [14, 16, 19] };

  const digitsOf = (text) => text.replace(/\D/g, "").slice(0, 19);

  /** The network, "" while the first digits fit none, or more than one. */
  function brandOf(digits) {
    for (const [brand, from, to] of RANGES) {
      const start = digits.slice(0, from.length);
      if (start.length === from.length && start >= from && start <= to) return brand;
      // "6" may yet become Discover or RuPay: say nothing until it is sure.
      if (start && start.length < from.length && from.startsWith(start)) return "";
    }
    return "";
  }

  function grouped(digits) {
    const sizes = brandOf(digits) === "amex" ? [4, 6, 5] : [4, 4, 4, 4, 3];
    const groups = [];
    let rest = digits;
    for (const size of sizes) {
      if (!rest) break;
      groups.push(rest.slice(0, size));
      rest = rest.slice(size);
    }
    return groups.join(" ");
  }

  function passesLuhn(digits) {
    let total = 0;
    [...digits].reverse().forEach((digit, place) => {
      const value = Number(digit) * (place % 2 ? 2 : 1);
      total += value > 9 ? value - 9 : value;
    });
    return total % 10 === 0;
  }

  const lengthsOf = (brand) => LENGTHS[brand] || [13, 14, 15, 16, 17, 18, 19];
  const isLong = (digits) => digits.length >= Math.max(...lengthsOf(brandOf(digits)));

  /** What is wrong with a number: "" when nothing is, else the name of the text. */
  function wrongNumber(digits) {
    if (digits.length < Math.min(...lengthsOf(brandOf(digits)))) {
      return digits ? "incomplete" : "field.card_number";
    }
    return passesLuhn(digits) ? "" : "field.card_number";
  }

  /** Month and year of "3/27", "03 / 2027", "0327"; null for anything else. */
  function dateOf(text) {
    const parts =
      /^\s*(\d{1,2})\s*[/.-]\s*(\d{4}|\d{2})\s*$/.exec(text) || /^\s*(\d{2})(\d{4}|\d{2})\s*$/.exec(text);
    if (!parts) return null;
    const month = Number(parts[1]);
    const year = Number(parts[2]) + (parts[2].length === 2 ? 2000 : 0);
    return month >= 1 && month <= 12 ? { month, year } : null;
  }

  function wrongDate(text) {
    const date = dateOf(text);
    if (!date) return "field.card_expiry";
    const now = new Date();
    const months = (date.year - now.getFullYear()) * 12 + date.month - (now.getMonth() + 1);
    if (months < 0) return "expired";
    return date.year > now.getFullYear() + 50 ? "field.card_expiry" : "";
  }

  /** "1" waits, "4" becomes "04/", "123" becomes "12/3"; a whole pasted date becomes "12/30". */
  function writtenDate(text, isDeleting) {
    const date = /[/.-]\s*\d{2}/.test(text) ? dateOf(text) : null;
    if (date) return `${String(date.month).padStart(2, "0")}/${String(date.year % 100).padStart(2, "0")}`;
    let digits = text.replace(/\D/g, "").slice(0, 6);
    if (/^[2-9]/.test(digits) || /^\d\s*[/.-]/.test(text)) digits = `0${digits}`;
    const isLong = digits.slice(2, 4) === "20"; // "12/20" may become "12/2031"
    if (isLong && digits.length === 6) digits = digits.slice(0, 2) + digits.slice(4);
    digits = digits.slice(0, isLong ? 5 : 4);
    if (digits.length > 2 || (digits.length === 2 && !isDeleting)) {
      return `${digits.slice(0, 2)}/${digits.slice(2)}`;
    }
    return digits;
  }

  const cvvLength = (brand) => (brand === "amex" ? 4 : 3);

  return { digitsOf, brandOf, grouped, isLong, wrongNumber, dateOf, wrongDate, writtenDate, cvvLength };
})();
