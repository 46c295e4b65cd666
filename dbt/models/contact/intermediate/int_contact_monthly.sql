{{ measure_months(ref("int_contact_part_daily"), ["digital", "ocr", "live_chat"]) }}
